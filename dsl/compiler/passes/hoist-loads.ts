/**
 * Loop-invariant loads: what every round of a loop reads anew from the context, though nothing in the loop changes it,
 * is read once in front. Muchnick (1997), section 13.2. Only loads, which cost the most, and only of loops without
 * calls: across a call a value would need one of the four registers that survive it, or the stack.
 */
import { blocksById, dominatorTree, naturalLoops, predecessors } from '../ir/analysis.ts';
import type { Block, Instruction, IrFunction } from '../ir/ir.ts';
import { edgesOf, mapEdges, resultOf } from '../ir/visit.ts';
import { writes } from './effects.ts';

type Load = Instruction & { readonly op: 'load' };

/** Loads of each round of the loop that give the same each time. */
function invariants(fn: IrFunction, head: number, body: ReadonlySet<number>): readonly Load[] {
  const blocks = [...body].flatMap((id) => blocksById(fn).get(id) ?? []);
  const instructions = blocks.flatMap((block) => block.instructions);
  if (instructions.some(({ op }) => op === 'helper' || op === 'call')) return [];
  const changed = instructions.some((instruction) => writes(instruction).includes('context'));
  const own = new Set([
    ...blocks.flatMap(({ parameters }) => parameters),
    ...instructions.flatMap((instruction) => resultOf(instruction) ?? []),
  ]);
  const { dominates } = dominatorTree(fn);
  const latches = (predecessors(fn).get(head) ?? []).filter((id) => body.has(id));
  return blocks
    .filter(({ id }) => latches.every((latch) => dominates(id, latch)))
    .flatMap((block) =>
      block.instructions.filter(
        (instruction): instruction is Load =>
          instruction.op === 'load' &&
          instruction.region === 'context' &&
          // `data` and `data_end` change by calls alone.
          (instruction.pointer === true || !changed) &&
          !(typeof instruction.base === 'number' && own.has(instruction.base)),
      ),
    );
}

/** The function with `loads` in a block in front of the loop's head. */
function withLoadsAhead(
  fn: IrFunction,
  head: Block,
  body: ReadonlySet<number>,
  loads: readonly Load[],
): IrFunction {
  const moved = new Set<Instruction>(loads);
  const ahead = Math.max(...fn.blocks.map(({ id }) => id)) + 1;
  const widths = [...fn.widths];
  const parameters = head.parameters.map((parameter) => widths.push(widths[parameter] ?? 64) - 1);
  const front: Block = {
    id: ahead,
    parameters,
    instructions: loads,
    terminator: { op: 'jump', to: { block: head.id, arguments: parameters } },
  };
  const blocks = fn.blocks.flatMap((block): readonly Block[] => {
    const kept = {
      ...block,
      instructions: block.instructions.filter((instruction) => !moved.has(instruction)),
      terminator: body.has(block.id)
        ? block.terminator
        : mapEdges(block.terminator, (edge) => (edge.block === head.id ? { ...edge, block: ahead } : edge)),
    };
    return block.id === head.id ? [front, kept] : [kept];
  });
  return { ...fn, blocks, widths };
}

export function hoistLoads(fn: IrFunction): IrFunction {
  let current = fn;
  for (const [id, body] of naturalLoops(fn)) {
    const head = blocksById(current).get(id);
    const enters = current.blocks.some(
      (block) => !body.has(block.id) && edgesOf(block.terminator).some((edge) => edge.block === id),
    );
    const loads = invariants(current, id, body);
    if (head !== undefined && enters && loads.length > 0)
      current = withLoadsAhead(current, head, body, loads);
  }
  return current;
}
