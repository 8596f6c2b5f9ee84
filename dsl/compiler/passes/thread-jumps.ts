/**
 * Jump threading: where an edge into a block decides the branch at that block's end, the edge goes straight to the
 * branch's target, through a copy of the block's few instructions. So a flag that was merged only to be tested, and a
 * test for `undefined` of what is surely there, cost nothing. Mueller and Whalley, "Avoiding Conditional Branches by
 * Code Replication" (PLDI 1995).
 */
import { dominatorTree, predecessors } from '../ir/analysis.ts';
import type { Block, Edge, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { edgesOf, mapOperands, resultOf } from '../ir/visit.ts';
import { evaluateBinary, signed, swapBytes, unsigned } from './arithmetic.ts';
import { decide } from './branch-facts.ts';
import { type Facts, factBehind, factsOnEntry, withFact } from './facts.ts';
import type { Producer } from './known-bits.ts';
import { definedIn, type OpenBlock, OpenFunction, repairUses } from './repair-ssa.ts';
import { type FreshValues, producersOf } from './rewrite.ts';
import { simplifyCfg } from './simplify-cfg.ts';

/** Instructions that a threaded edge may copy. */
const MAX_COPIED = 4;
/** Sweeps over the function in one run. */
const MAX_SWEEPS = 20;

const COPIED: ReadonlySet<Instruction['op']> = new Set(['binary', 'zext', 'trunc', 'sext', 'swap']);

/** The result of an instruction on constants. */
function constantOf(instruction: Instruction): bigint | undefined {
  switch (instruction.op) {
    case 'binary': {
      const { operator, width, left, right } = instruction;
      return typeof left === 'bigint' && typeof right === 'bigint'
        ? evaluateBinary(operator, width, left, right)
        : undefined;
    }
    case 'zext':
    case 'trunc':
      return typeof instruction.value === 'bigint' ? unsigned(instruction.value, 32) : undefined;
    case 'sext':
      return typeof instruction.value === 'bigint'
        ? unsigned(signed(instruction.value, instruction.from), instruction.width)
        : undefined;
    case 'swap':
      return typeof instruction.value === 'bigint'
        ? swapBytes(instruction.value, instruction.bits)
        : undefined;
    default:
      return undefined;
  }
}

/** A block's values as one edge into it makes them. */
interface Passage {
  readonly values: ReadonlyMap<ValueId, Operand>;
  readonly copies: readonly Instruction[];
  readonly target: Edge;
}

/** What an operand of `block` is on the way by `edge`, as far as one sees without copying instructions. */
function alongEdge(operand: Operand, block: OpenBlock, edge: Edge): Operand {
  if (typeof operand !== 'number') return operand;
  const { parameters, instructions } = block;
  const position = parameters.indexOf(operand);
  if (position >= 0) return edge.arguments[position] ?? 0n;
  for (const instruction of instructions) {
    if (resultOf(instruction) !== operand) continue;
    return constantOf(mapOperands(instruction, (inner) => alongEdge(inner, block, edge))) ?? operand;
  }
  return operand;
}

/** Follows `edge` through `block`; undefined where it doesn't decide the branch. */
function follow(
  block: OpenBlock,
  edge: Edge,
  facts: Facts,
  producer: Producer,
  fresh: FreshValues,
): Passage | undefined {
  const { terminator } = block;
  if (terminator.op !== 'branch') return undefined;
  const { condition, width } = terminator;
  const left = alongEdge(terminator.left, block, edge);
  const right = alongEdge(terminator.right, block, edge);
  const holds = decide({ condition, width, left, right }, facts, producer);
  if (holds === undefined) return undefined;
  const values = new Map<ValueId, Operand>();
  for (const [index, parameter] of block.parameters.entries())
    values.set(parameter, edge.arguments[index] ?? 0n);
  const through = (operand: Operand): Operand =>
    typeof operand === 'number' ? (values.get(operand) ?? operand) : operand;
  const copies: Instruction[] = [];
  for (const instruction of block.instructions) {
    const copy = mapOperands(instruction, through);
    const result = resultOf(copy);
    if (result === undefined) {
      copies.push(copy);
      continue;
    }
    const constant = constantOf(copy);
    const own = constant ?? fresh.make(fresh.widths[result] ?? 64);
    values.set(result, own);
    if (typeof own === 'number') copies.push({ ...copy, result: own } as Instruction);
  }
  const to = holds ? terminator.then : terminator.otherwise;
  return { values, copies, target: { block: to.block, arguments: to.arguments.map(through) } };
}

/** What is known of the function at the start of a sweep; threading only adds ways on which it holds too. */
interface Known {
  readonly facts: ReturnType<typeof factsOnEntry>;
  readonly producer: Producer;
  readonly dominates: (above: number, below: number) => boolean;
}

/**
 * Of loops' heads edges are threaded only through a bare test, which the first round is known to pass: it becomes the test
 * at the loop's end. More would peel the loop.
 */
function isThreadable(block: OpenBlock, sources: readonly OpenBlock[], { dominates }: Known): boolean {
  return block.instructions.length === 0 || !sources.some((source) => dominates(block.id, source.id));
}

/** A block that may be copied: short, and pure. */
const isShort = ({ terminator, instructions }: Block): boolean =>
  terminator.op === 'branch' &&
  instructions.length <= MAX_COPIED &&
  instructions.every(({ op }) => COPIED.has(op));

const leadsTo = ({ terminator }: OpenBlock, id: number): boolean => {
  switch (terminator.op) {
    case 'jump':
      return terminator.to.block === id;
    case 'branch':
      return terminator.then.block === id || terminator.otherwise.block === id;
    case 'return':
      return false;
  }
};

/** Threads the edges that decide the branch of `block`; gives the blocks made for them. */
function threadThrough(
  fn: OpenFunction,
  block: OpenBlock,
  sources: readonly OpenBlock[],
  { facts, producer, dominates }: Known,
): readonly number[] {
  const bridges: { readonly id: number; readonly to: number; readonly values: Passage['values'] }[] = [];
  for (const source of sources.filter(({ id }) => !dominates(block.id, id))) {
    const { terminator } = source;
    const redirect = (edge: Edge, taken: boolean): Edge => {
      if (edge.block !== block.id) {
        return edge;
      }
      const known = withFact(factBehind(terminator, taken), facts.get(source.id));
      const passage = follow(block, edge, known, producer, fn.fresh);
      if (passage === undefined) {
        return edge;
      }
      const { id } = fn.add(passage.copies, { op: 'jump', to: passage.target });
      bridges.push({ id, to: passage.target.block, values: passage.values });
      return { block: id, arguments: [] };
    };
    if (terminator.op === 'jump') {
      const to = redirect(terminator.to, true);
      if (to !== terminator.to) fn.redirect(source, { ...terminator, to });
    } else if (terminator.op === 'branch') {
      const then = redirect(terminator.then, true);
      const otherwise = redirect(terminator.otherwise, false);
      if (then !== terminator.then || otherwise !== terminator.otherwise)
        fn.redirect(source, { ...terminator, then, otherwise });
    }
  }
  if (bridges.length > 0) {
    if (!sources.some((source) => leadsTo(source, block.id))) {
      // Only with the block itself can anything behind it become unreachable that no new way leads to.
      const targets = bridges.map(({ to }) => to);
      if (edgesOf(block.terminator).every((edge) => targets.includes(edge.block))) fn.remove(block);
      else fn.prune();
    }
    for (const value of definedIn(block)) {
      const definitions = new Map<number, Operand>(
        fn.block(block.id) === undefined ? [] : [[block.id, value]],
      );
      for (const bridge of bridges) {
        definitions.set(bridge.id, bridge.values.get(value) ?? value);
      }
      repairUses(fn, value, definitions);
    }
  }
  return bridges.map(({ id }) => id);
}

/** Threads through every block once, but for those next to what was just threaded; undefined if nothing was. */
function sweep(fn: IrFunction): IrFunction | undefined {
  const known = { facts: factsOnEntry(fn), producer: producersOf(fn), ...dominatorTree(fn) };
  const short = fn.blocks.filter(isShort);
  const open = new OpenFunction(fn, short);
  const before = predecessors(fn);
  const made = new Set<number>();
  const nextToMade = new Set<number>();
  for (const { id } of short) {
    const block = open.block(id);
    if (block === undefined || nextToMade.has(id)) continue;
    const sources: OpenBlock[] = [];
    for (const from of new Set(before.get(id))) {
      const source = open.block(from);
      if (source !== undefined && leadsTo(source, id)) sources.push(source);
    }
    if (isThreadable(block, sources, known)) {
      for (const bridge of threadThrough(open, block, sources, known)) {
        made.add(bridge);
        for (const edge of edgesOf(open.block(bridge)?.terminator ?? block.terminator)) {
          nextToMade.add(edge.block);
        }
      }
    }
  }
  return made.size === 0 ? undefined : open.close();
}

export function threadJumps(fn: IrFunction): IrFunction {
  let current = fn;
  for (let round = 0; round < MAX_SWEEPS; round += 1) {
    const next = sweep(current);
    if (next === undefined) {
      break;
    }
    current = simplifyCfg(next);
  }
  return current;
}
