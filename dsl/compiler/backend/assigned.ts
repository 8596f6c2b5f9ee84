/** The machine's own registers, r0 to r9, as sets in one number each, and which are live once all code is over them. */
import type { Lists } from './lists.ts';
import { ALLOCATABLE, defined, type MachineBlock, type Register, used, usedByTerminator } from './machine.ts';

/** A bit for each register. */
export type Registers = number;

export const EVERY: Registers = (1 << ALLOCATABLE) - 1;

/** The frame pointer isn't handed out, so that no set has it. */
export function setOf(registers: readonly Register[]): Registers {
  let set = 0;
  for (const register of registers) set |= 1 << register;
  return set & EVERY;
}

/** What a block does to registers. */
export interface Summary {
  /** Read before they are written. */
  readonly reads: Registers;
  readonly writes: Registers;
  /** What each of its instructions reads and writes. */
  readonly readBy: readonly Registers[];
  readonly writtenBy: readonly Registers[];
}

export function summaryOf({ instructions, terminator }: MachineBlock): Summary {
  const readBy = instructions.map((instruction) => setOf(used(instruction)));
  const writtenBy = instructions.map((instruction) => setOf(defined(instruction)));
  let reads = setOf(usedByTerminator(terminator));
  let writes = 0;
  for (let index = instructions.length - 1; index >= 0; index--) {
    const written = writtenBy[index] ?? 0;
    reads = (reads & ~written) | (readBy[index] ?? 0);
    writes |= written;
  }
  return { reads, writes, readBy, writtenBy };
}

/** Registers live at the end of each block; `next` has each block's successors, by their places among the blocks. */
export function liveAtEnds(blocks: readonly Summary[], next: Lists): readonly Registers[] {
  const entries = new Array<Registers>(blocks.length).fill(0);
  const exits = new Array<Registers>(blocks.length).fill(0);
  for (let changed = true; changed; ) {
    changed = false;
    for (let place = blocks.length - 1; place >= 0; place--) {
      const block = blocks[place];
      if (block === undefined) continue;
      let exit = 0;
      for (let at = next.start(place); at < next.start(place + 1); at++) exit |= entries[next.at(at)] ?? 0;
      const entry = block.reads | (exit & ~block.writes);
      exits[place] = exit;
      if (entry === entries[place]) continue;
      entries[place] = entry;
      changed = true;
    }
  }
  return exits;
}
