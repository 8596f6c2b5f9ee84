/**
 * A choice between two values as one conditional jump over one move: where one side of a branch does nothing but
 * set registers that the other side sets as well, it is done before the branch. This is if-conversion's useful half on
 * a machine without conditional moves (Muchnick, Advanced Compiler Design and Implementation, 1997, section 18.11).
 */
import {
  defined,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  successors,
  used,
  usedByTerminator,
} from './machine.ts';

/** More than this costs the other side more than the jump that it saves. */
const MOST_HOISTED = 2;

/** The blocks that have exactly one way in. */
function singleEntry(fn: MachineFunction): ReadonlySet<number> {
  const ways = new Map<number, number>();
  for (const block of fn.blocks)
    for (const next of successors(block.terminator)) ways.set(next, (ways.get(next) ?? 0) + 1);
  return new Set([...ways].filter(([, count]) => count === 1).map(([id]) => id));
}

const isCheap = (instruction: MachineInstruction): boolean =>
  instruction.op === 'move' || (instruction.op === 'constant' && instruction.value <= 0xffff_ffffn);

/** Whether running `moves` before the branch changes nothing for it, nor for `other`, which comes instead of them. */
function mayPrecede(
  moves: readonly MachineInstruction[],
  branch: readonly Register[],
  other: MachineBlock,
): boolean {
  const sets = new Set(moves.flatMap(defined));
  if (branch.some((register) => sets.has(register))) return false;
  const overwritten = new Set<Register>();
  for (const instruction of other.instructions) {
    if (used(instruction).some((register) => sets.has(register))) return false;
    for (const register of defined(instruction)) overwritten.add(register);
  }
  return [...sets].every((register) => overwritten.has(register));
}

/** Hoists the cheap sides of branches; the emptied blocks vanish in the layout. */
export function hoistCheapSides(fn: MachineFunction): MachineFunction {
  const single = singleEntry(fn);
  const blocks = new Map(fn.blocks.map((block) => [block.id, block]));
  for (const { id } of fn.blocks) {
    const block = blocks.get(id);
    if (block?.terminator.op !== 'branch') continue;
    const { then, otherwise } = block.terminator;
    if (!single.has(then) || !single.has(otherwise)) continue;
    const sides = [blocks.get(then), blocks.get(otherwise)].filter((side) => side !== undefined);
    const [first, second] = sides;
    if (!first || !second) continue;
    // The side that runs more often pays nothing for being hoisted.
    const order = first.frequency > second.frequency ? [first, second] : [second, first];
    const branch = usedByTerminator(block.terminator);
    const side = order.find(
      (candidate) =>
        candidate.terminator.op === 'jump' &&
        candidate.instructions.length > 0 &&
        candidate.instructions.length <= MOST_HOISTED &&
        candidate.instructions.every(isCheap) &&
        mayPrecede(candidate.instructions, branch, candidate === first ? second : first),
    );
    if (!side) continue;
    blocks.set(id, { ...block, instructions: [...block.instructions, ...side.instructions] });
    blocks.set(side.id, { ...side, instructions: [] });
  }
  return { ...fn, blocks: fn.blocks.map((block) => blocks.get(block.id) ?? block) };
}
