/** Blocks that do the same and go on to the same place become one: returns of the same verdict, above all. */
import { areAlike, Groups, hashOf, mix } from './compare.ts';
import type { MachineBlock, MachineFunction, MachineTerminator } from './machine.ts';

/** The same terminator where its targets stay. */
function redirected(terminator: MachineTerminator, to: (id: number) => number): MachineTerminator {
  if (terminator.op === 'exit') return terminator;
  if (terminator.op === 'jump') {
    const target = to(terminator.to);
    return target === terminator.to ? terminator : { ...terminator, to: target };
  }
  const then = to(terminator.then);
  const otherwise = to(terminator.otherwise);
  return then === terminator.then && otherwise === terminator.otherwise
    ? terminator
    : { ...terminator, then, otherwise };
}

const hashOfBlock = ({ instructions, terminator }: MachineBlock): number =>
  instructions.reduce((hash, instruction) => mix(hash, hashOf(instruction)), hashOf(terminator));

const blocksAreAlike = (left: MachineBlock, right: MachineBlock): boolean =>
  left.instructions.length === right.instructions.length &&
  areAlike(left.terminator, right.terminator) &&
  left.instructions.every((instruction, index) => {
    const other = right.instructions[index];
    return other !== undefined && areAlike(instruction, other);
  });

/** Merges until no two blocks are alike: those that led to merged ones may be now. */
export function mergeBlocks(fn: MachineFunction): MachineFunction {
  let blocks = fn.blocks;
  for (;;) {
    const groups = new Groups(hashOfBlock, blocksAreAlike);
    const kept = new Map<number, MachineBlock>();
    const replaced = new Map<number, number>();
    for (const block of blocks) {
      const [{ id } = block] = groups.add(block);
      const same = kept.get(id);
      kept.set(id, same ? { ...same, frequency: same.frequency + block.frequency } : block);
      if (same) replaced.set(block.id, id);
    }
    if (replaced.size === 0) return blocks === fn.blocks ? fn : { ...fn, blocks };
    const to = (id: number): number => replaced.get(id) ?? id;
    blocks = [...kept.values()].map((block) => {
      const terminator = redirected(block.terminator, to);
      return terminator === block.terminator ? block : { ...block, terminator };
    });
  }
}
