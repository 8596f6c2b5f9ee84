/** What is known to hold on entry to a block, from the branches that dominate it. */
import {
  blocksAlike,
  blocksById,
  blocksInOrder,
  dominatorTree,
  firstOf,
  predecessors,
  remembered,
} from '../ir/analysis.ts';
import { ByBlock, type ReadonlyByBlock } from '../ir/by-block.ts';
import type { Block, Condition, Operand, Terminator, Width } from '../ir/ir.ts';

/** A comparison; as a fact, one that holds. */
export interface Comparison {
  readonly condition: Condition;
  readonly width: Width;
  readonly left: Operand;
  readonly right: Operand;
}

/** Facts, nearest first, as a list that all blocks behind a branch share; undefined where nothing is known. */
export type Facts = { readonly fact: Comparison; readonly farther: Facts } | undefined;

/** `facts` and a nearer one. */
export const withFact = (fact: Comparison | undefined, facts: Facts): Facts =>
  fact === undefined ? facts : { fact, farther: facts };

const NEGATED: Readonly<Record<Exclude<Condition, 'test'>, Condition>> = {
  eq: 'ne',
  ne: 'eq',
  ult: 'uge',
  uge: 'ult',
  ule: 'ugt',
  ugt: 'ule',
  slt: 'sge',
  sge: 'slt',
  sle: 'sgt',
  sgt: 'sle',
};

/** What holds behind one edge of a terminator. */
export function factBehind(terminator: Terminator, taken: boolean): Comparison | undefined {
  if (terminator.op !== 'branch') return undefined;
  const { condition, width, left, right } = terminator;
  if (taken) return { condition, width, left, right };
  return condition === 'test' ? undefined : { condition: NEGATED[condition], width, left, right };
}

const terminatorsOf = firstOf(blocksAlike((a, b) => a.terminator === b.terminator));

/** For each block, what holds whenever it is entered. */
export const factsOnEntry = remembered((fn): ReadonlyByBlock<Exclude<Facts, undefined>> => {
  const blocks = blocksById(fn);
  const before = predecessors(fn);
  const { immediate } = dominatorTree(fn);
  const known = new ByBlock<Exclude<Facts, undefined>>(fn);
  const note = ({ id }: Block): void => {
    const above = immediate.get(id);
    const ways = before.get(id) ?? [];
    const [way = id] = ways;
    const terminator = blocks.get(way)?.terminator;
    const own =
      ways.length === 1 && terminator?.op === 'branch'
        ? factBehind(terminator, terminator.then.block === id)
        : undefined;
    const facts = withFact(own, above === undefined ? undefined : known.get(above));
    if (facts !== undefined) known.set(id, facts);
  };
  // What dominates a block comes in front of it.
  blocksInOrder(fn).forEach(note);
  for (const block of fn.blocks) if (immediate.get(block.id) === undefined) note(block);
  return known;
}, terminatorsOf);

/** A fact, and the block from which on it holds in all that this dominates. */
export interface Holding {
  readonly fact: Comparison;
  readonly block: number;
}

/** For each value, the facts that compare it with a constant at its width; in a block nearer ones come later. */
export const boundsOf = remembered((fn): readonly (readonly Holding[] | undefined)[] => {
  const facts = factsOnEntry(fn);
  const { immediate } = dominatorTree(fn);
  const bounds = new Array<Holding[] | undefined>(fn.widths.length);
  for (const { id: block } of blocksInOrder(fn)) {
    const nearest = facts.get(block);
    const isInherited =
      nearest === facts.get(immediate.get(block) ?? block) && immediate.get(block) !== block;
    if (nearest === undefined || isInherited) continue;
    const { fact } = nearest;
    const { left, right, width } = fact;
    if (typeof left !== 'number' || typeof right !== 'bigint' || width !== fn.widths[left]) continue;
    const known = bounds[left];
    if (known === undefined) bounds[left] = [{ fact, block }];
    else known.push({ fact, block });
  }
  return bounds;
}, terminatorsOf);
