/**
 * A choice between two values as one conditional jump over one move: where one side of a branch does nothing but
 * set registers that the other side sets as well, it is done before the branch. This is if-conversion's useful half on
 * a machine without conditional moves (Muchnick, Advanced Compiler Design and Implementation, 1997, section 18.11).
 */
import { mapUnlessSame } from '../ir/visit.ts';
import { livenessOf } from './liveness.ts';
import {
  defined,
  isShort,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  successors,
  usedByTerminator,
} from './machine.ts';

/** More than this costs the other side more than the jump that it saves. */
const MOST_HOISTED = 2;
/** A side that runs more seldom, of the times its branch runs, isn't worth an instruction on the other. */
const UNLIKELY = 0.2;

/** The blocks that have exactly one way in. */
function singleEntry(fn: MachineFunction): ReadonlySet<number> {
  const ways = new Map<number, number>();
  for (const block of fn.blocks)
    for (const next of successors(block.terminator)) ways.set(next, (ways.get(next) ?? 0) + 1);
  return new Set([...ways].filter(([, count]) => count === 1).map(([id]) => id));
}

const isCheap = (instruction: MachineInstruction): boolean =>
  instruction.op === 'move' || (instruction.op === 'constant' && isShort(instruction.value));

/** Whether running `moves` before the branch changes nothing for it, nor for the way that is taken instead of them. */
function mayPrecede(
  moves: readonly MachineInstruction[],
  branch: readonly Register[],
  isLiveOtherwise: (register: Register) => boolean,
): boolean {
  const sets = moves.flatMap(defined);
  return !sets.some((register) => branch.includes(register) || isLiveOtherwise(register));
}

/** Whether two sides go on to the same block, so that what they set are the two values of a choice. */
const joinAtOnce = ({ terminator: first }: MachineBlock, { terminator: second }: MachineBlock): boolean =>
  first.op === 'jump' && second.op === 'jump' && first.to === second.to;

/** Hoists the cheap sides of branches, or only of choices between values; the emptied blocks vanish in the layout. */
export function hoistCheapSides(fn: MachineFunction, only?: 'choices'): MachineFunction {
  const single = singleEntry(fn);
  const places = new Map(fn.blocks.map(({ id }, place) => [id, place]));
  const blocks = new Map(fn.blocks.map((block) => [block.id, block]));
  for (const { id } of fn.blocks) {
    const block = blocks.get(id);
    if (block?.terminator.op !== 'branch') continue;
    const { then, otherwise } = block.terminator;
    if (then === otherwise) continue;
    const [first, second] = [blocks.get(then), blocks.get(otherwise)];
    if (!first || !second) continue;
    // The side that runs more often pays nothing for being hoisted.
    if (only === 'choices' && !joinAtOnce(first, second)) continue;
    const order = first.frequency > second.frequency ? [first, second] : [second, first];
    const branch = usedByTerminator(block.terminator);
    const side = order.find(
      (candidate) =>
        single.has(candidate.id) &&
        candidate.terminator.op === 'jump' &&
        candidate.frequency >= block.frequency * UNLIKELY &&
        candidate.instructions.length > 0 &&
        candidate.instructions.length <= MOST_HOISTED &&
        candidate.instructions.every(isCheap) &&
        mayPrecede(candidate.instructions, branch, (register) =>
          livenessOf(fn).entry.has(places.get(candidate === first ? second.id : first.id) ?? 0, register),
        ),
    );
    if (!side) continue;
    blocks.set(id, { ...block, instructions: [...block.instructions, ...side.instructions] });
    blocks.set(side.id, { ...side, instructions: [] });
  }
  const hoisted = mapUnlessSame(fn.blocks, (block) => blocks.get(block.id) ?? block);
  return hoisted === fn.blocks ? fn : { ...fn, blocks: hoisted };
}
