/** The machine's own registers, r0 to r9, as sets in one number each, and which are live once all code is over them. */
import {
  ALLOCATABLE,
  defined,
  type MachineBlock,
  type MachineInstruction,
  type Register,
  used,
  usedByTerminator,
} from './machine.ts';

/** A bit for each register. */
export type Registers = number;

export const EVERY: Registers = (1 << ALLOCATABLE) - 1;

/** The frame pointer isn't handed out, so that no set has it. */
export function setOf(registers: readonly Register[]): Registers {
  let set = 0;
  for (const register of registers) set |= 1 << register;
  return set & EVERY;
}

/** What is live before an instruction, given what is live behind it. */
export const liveBefore = (instruction: MachineInstruction, behind: Registers): Registers =>
  (behind & ~setOf(defined(instruction))) | setOf(used(instruction));

interface Summary {
  /** Read before they are written. */
  readonly reads: Registers;
  readonly writes: Registers;
}

const summaries = new WeakMap<MachineBlock, Summary>();

/** Found once for each block: none ever changes. */
function summaryOf(block: MachineBlock): Summary {
  const known = summaries.get(block);
  if (known !== undefined) return known;
  let reads = setOf(usedByTerminator(block.terminator));
  let writes = 0;
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const instruction = block.instructions[index];
    if (instruction === undefined) continue;
    reads = liveBefore(instruction, reads);
    writes |= setOf(defined(instruction));
  }
  const summary = { reads, writes };
  summaries.set(block, summary);
  return summary;
}

/** Registers live at the end of each block; `next` has each block's successors, by their places among the blocks. */
export function liveAtEnds(
  blocks: readonly MachineBlock[],
  next: readonly (readonly number[])[],
): readonly Registers[] {
  const entries = new Array<Registers>(blocks.length).fill(0);
  const exits = new Array<Registers>(blocks.length).fill(0);
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = blocks.length - 1; at >= 0; at--) {
      const block = blocks[at];
      if (block === undefined) continue;
      let exit = 0;
      for (const after of next[at] ?? []) exit |= entries[after] ?? 0;
      const { reads, writes } = summaryOf(block);
      const entry = reads | (exit & ~writes);
      exits[at] = exit;
      if (entry === entries[at]) continue;
      entries[at] = entry;
      changed = true;
    }
  }
  return exits;
}
