/**
 * How far away each register's next use is, in instructions. Ways out of loops and onto unlikely paths count as
 * long, so that what is needed only there is taken for far away (Braun and Hack, "Register Spilling and Live-Range
 * Splitting for SSA-Form Programs", CC 2009, section 4.1).
 */
import { reversePostorderOf } from './graph.ts';
import {
  defined,
  isVirtual,
  type MachineBlock,
  type MachineFunction,
  type Register,
  successors,
  used,
  usedByTerminator,
} from './machine.ts';

export type Distances = ReadonlyMap<Register, number>;

/** What is used only behind a loop is further away than anything in it. */
export const OUT_OF_LOOP = 100_000;
const UNLIKELY = 1_000;

/** The extra length of an edge. */
function edgeLength(from: MachineBlock, to: MachineBlock): number {
  if (to.frequency >= from.frequency * 0.25) return 0;
  return to.frequency >= from.frequency * 0.1 ? OUT_OF_LOOP : UNLIKELY;
}

export interface NextUses {
  /** At a block's start; only what is live there. */
  entry(block: number): Distances;
  /** Behind a block's terminator. */
  exit(block: number): Distances;
}

function throughBlock(block: MachineBlock, exit: Distances): Map<Register, number> {
  const length = block.instructions.length + 1;
  const result = new Map<Register, number>();
  for (const [register, distance] of exit) result.set(register, distance + length);
  for (const register of usedByTerminator(block.terminator)) result.set(register, length - 1);
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const instruction = block.instructions[index];
    if (!instruction) continue;
    for (const register of defined(instruction)) result.delete(register);
    for (const register of used(instruction)) result.set(register, index);
  }
  return result;
}

/** Computes next uses at block boundaries to a fixed point. */
export function nextUses(fn: MachineFunction): NextUses {
  const blocks = new Map(fn.blocks.map((block) => [block.id, block]));
  const entries = new Map<number, Map<Register, number>>();
  const exits = new Map<number, Map<Register, number>>();
  const postorder = [...reversePostorderOf(fn)].reverse();
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of postorder) {
      const exit = new Map<Register, number>();
      for (const id of successors(block.terminator)) {
        const next = blocks.get(id);
        if (!next) continue;
        const length = edgeLength(block, next);
        for (const [register, distance] of entries.get(id) ?? [])
          if (isVirtual(register))
            exit.set(register, Math.min(exit.get(register) ?? Number.POSITIVE_INFINITY, distance + length));
      }
      const entry = throughBlock(block, exit);
      const known = entries.get(block.id);
      const same =
        known?.size === entry.size &&
        [...entry].every(([register, distance]) => known.get(register) === distance);
      exits.set(block.id, exit);
      if (same) continue;
      entries.set(block.id, entry);
      changed = true;
    }
  }
  const none: Distances = new Map();
  return { entry: (id) => entries.get(id) ?? none, exit: (id) => exits.get(id) ?? none };
}

/** For each instruction and then the terminator, the next uses behind it. */
export function usesBehind(block: MachineBlock, exit: Distances): readonly Distances[] {
  const result: Distances[] = [exit];
  // Positions count from the block's start, as those of one block alone are compared.
  const length = block.instructions.length + 1;
  let current = new Map<Register, number>();
  for (const [register, distance] of exit) current.set(register, distance + length);
  for (const register of usedByTerminator(block.terminator)) current.set(register, length - 1);
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    result.push(current);
    const instruction = block.instructions[index];
    if (!instruction) continue;
    current = new Map(current);
    for (const register of defined(instruction)) current.delete(register);
    for (const register of used(instruction)) current.set(register, index);
  }
  return result.reverse();
}
