/** Which registers a function's instructions read and write, and where its blocks go, in tables of numbers. */
import { remembered } from '../ir/analysis.ts';
import { Lists } from './lists.ts';
import { addDefined, addUsed, addUsedByTerminator, type MachineFunction, successors } from './machine.ts';

/**
 * Steps are all instructions and terminators, numbered in the order of the blocks, a block's terminator behind its
 * instructions. Blocks are numbered by their places in the function.
 */
export interface Accesses {
  /** Registers by step, in the order in which `used` and `defined` have them. */
  readonly reads: Lists;
  readonly writes: Lists;
  /** The first step of each block, and behind the last block the number of all steps. */
  readonly starts: readonly number[];
}

export const accessesOf = remembered(({ blocks }: MachineFunction): Accesses => {
  const [reads, writes] = [new Lists(), new Lists()];
  const starts: number[] = [];
  let step = 0;
  for (const { instructions, terminator } of blocks) {
    starts.push(step);
    for (const instruction of instructions) {
      addUsed(instruction, reads.members);
      addDefined(instruction, writes.members);
      reads.close();
      writes.close();
    }
    addUsedByTerminator(terminator, reads.members);
    reads.close();
    writes.close();
    step += instructions.length + 1;
  }
  starts.push(step);
  return { reads, writes, starts };
});

/** The edges between blocks, in the order of `successors`; two edges between the same blocks count twice. */
export interface Edges {
  readonly next: Lists;
  readonly before: Lists;
}

export const edgesOf = remembered(({ blocks }: MachineFunction): Edges => {
  const places = new Map<number, number>();
  for (const { id } of blocks) places.set(id, places.size);
  const next = new Lists();
  const ways: number[][] = blocks.map(() => []);
  for (const [place, { terminator }] of blocks.entries()) {
    for (const id of successors(terminator)) {
      const to = places.get(id);
      if (to === undefined) continue;
      next.members.push(to);
      ways[to]?.push(place);
    }
    next.close();
  }
  const before = new Lists();
  for (const list of ways) {
    for (const way of list) before.members.push(way);
    before.close();
  }
  return { next, before };
});
