/**
 * Jump threading: where an edge into a block decides the branch at that block's end, the edge goes straight to the
 * branch's target, through a copy of the block's few instructions. So a flag that was merged only to be tested, and a
 * test for `undefined` of what is surely there, cost nothing. Mueller and Whalley, "Avoiding Conditional Branches by
 * Code Replication" (PLDI 1995).
 */
import { dominatorTree, entryOf, predecessors } from '../ir/analysis.ts';
import type { Block, Edge, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { edgesOf, mapOperands, resultOf } from '../ir/visit.ts';
import { evaluateBinary, signed, swapBytes, unsigned } from './arithmetic.ts';
import { type Comparison, decide, factBehind, factsOnEntry } from './branch-facts.ts';
import type { Producer } from './known-bits.ts';
import { type OpenBlocks, repairUses } from './repair-ssa.ts';
import { FreshValues, producersOf } from './rewrite.ts';
import { simplifyCfg } from './simplify-cfg.ts';

/** Instructions that a threaded edge may copy. */
const MAX_COPIED = 4;
/** Blocks threaded through in one run. */
const MAX_ROUNDS = 200;

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

/** Follows `edge` through `block`; undefined where it doesn't decide the branch. */
function follow(
  block: Block,
  edge: Edge,
  facts: readonly Comparison[],
  producer: Producer,
  fresh: FreshValues,
): Passage | undefined {
  const { terminator } = block;
  if (terminator.op !== 'branch') {
    return undefined;
  }
  const values = new Map<ValueId, Operand>();
  block.parameters.forEach((parameter, index) => {
    values.set(parameter, edge.arguments[index] ?? 0n);
  });
  const through = (operand: Operand): Operand =>
    typeof operand === 'number' ? (values.get(operand) ?? operand) : operand;
  const symbolic: Instruction[] = [];
  for (const instruction of block.instructions) {
    const mapped = mapOperands(instruction, through);
    const result = resultOf(mapped);
    const constant = constantOf(mapped);
    if (result !== undefined && constant !== undefined) {
      values.set(result, constant);
    } else {
      symbolic.push(mapped);
    }
  }
  const { condition, width } = terminator;
  const test = { condition, width, left: through(terminator.left), right: through(terminator.right) };
  const holds = decide(test, facts, producer);
  if (holds === undefined) {
    return undefined;
  }
  const copies = symbolic.map((instruction): Instruction => {
    const copy = mapOperands(instruction, through);
    const result = resultOf(copy);
    if (result === undefined) {
      return copy;
    }
    const own = fresh.make(fresh.widths[result] ?? 64);
    values.set(result, own);
    return { ...copy, result: own } as Instruction;
  });
  const to = holds ? terminator.then : terminator.otherwise;
  return { values, copies, target: { ...to, arguments: to.arguments.map(through) } };
}

/** Removes the blocks that control no longer reaches. */
function prune(blocks: OpenBlocks, entry: number): void {
  const seen = new Set<number>();
  const work = [entry];
  for (let id = work.pop(); id !== undefined; id = work.pop()) {
    const block = seen.has(id) ? undefined : blocks.get(id);
    if (block !== undefined) {
      seen.add(id);
      work.push(...edgesOf(block.terminator).map((edge) => edge.block));
    }
  }
  for (const id of [...blocks.keys()].filter((candidate) => !seen.has(candidate))) {
    blocks.delete(id);
  }
}

/** A block that edges may be threaded through: short, pure, and no loop's head, which would peel the loop. */
function isThreadable(
  block: Block,
  sources: readonly number[],
  dominates: (a: number, b: number) => boolean,
): boolean {
  return (
    block.terminator.op === 'branch' &&
    block.instructions.length <= MAX_COPIED &&
    block.instructions.every(({ op }) => COPIED.has(op)) &&
    !sources.some((source) => dominates(block.id, source))
  );
}

/** Threads every edge that can be through the first block that has one; undefined if none has. */
function threadThroughOne(fn: IrFunction): IrFunction | undefined {
  const { dominates } = dominatorTree(fn);
  const before = predecessors(fn);
  const facts = factsOnEntry(fn);
  const producer = producersOf(fn);
  for (const block of fn.blocks) {
    const sources = before.get(block.id) ?? [];
    if (sources.length > 0 && isThreadable(block, sources, dominates)) {
      const threaded = threadThrough(fn, block, facts, producer);
      if (threaded !== undefined) {
        return threaded;
      }
    }
  }
  return undefined;
}

function threadThrough(
  fn: IrFunction,
  block: Block,
  facts: ReadonlyMap<number, readonly Comparison[]>,
  producer: Producer,
): IrFunction | undefined {
  const fresh = new FreshValues(fn);
  const blocks: OpenBlocks = new Map(
    fn.blocks.map((own) => [
      own.id,
      { ...own, parameters: [...own.parameters], instructions: [...own.instructions] },
    ]),
  );
  const bridges: { readonly id: number; readonly values: Passage['values'] }[] = [];
  let next = Math.max(...blocks.keys()) + 1;
  for (const source of [...blocks.values()]) {
    const { terminator } = source;
    const redirect = (edge: Edge, taken: boolean): Edge => {
      if (edge.block !== block.id) {
        return edge;
      }
      const known = [...factBehind(terminator, taken), ...(facts.get(source.id) ?? [])];
      const passage = follow(block, edge, known, producer, fresh);
      if (passage === undefined) {
        return edge;
      }
      const bridge = next;
      next += 1;
      const jump = { op: 'jump', to: passage.target } as const;
      blocks.set(bridge, { id: bridge, parameters: [], instructions: [...passage.copies], terminator: jump });
      bridges.push({ id: bridge, values: passage.values });
      return { block: bridge, arguments: [] };
    };
    if (terminator.op === 'jump') {
      source.terminator = { ...terminator, to: redirect(terminator.to, true) };
    } else if (terminator.op === 'branch') {
      const then = redirect(terminator.then, true);
      source.terminator = { ...terminator, then, otherwise: redirect(terminator.otherwise, false) };
    }
  }
  if (bridges.length === 0) {
    return undefined;
  }
  prune(blocks, entryOf(fn).id);
  const defined = [...block.parameters, ...block.instructions.flatMap((made) => resultOf(made) ?? [])];
  for (const value of defined) {
    const definitions = new Map<number, Operand>(blocks.has(block.id) ? [[block.id, value]] : []);
    for (const bridge of bridges) {
      definitions.set(bridge.id, bridge.values.get(value) ?? value);
    }
    repairUses(blocks, fresh, value, definitions);
  }
  return { ...fn, blocks: [...blocks.values()], widths: fresh.widths };
}

export function threadJumps(fn: IrFunction): IrFunction {
  let current = fn;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const next = threadThroughOne(current);
    if (next === undefined) {
      break;
    }
    current = simplifyCfg(next);
  }
  return current;
}
