/**
 * How far away each register's next use is, in instructions. Ways out of loops and onto unlikely paths count as
 * long, so that what is needed only there is taken for far away (Braun and Hack, "Register Spilling and Live-Range
 * Splitting for SSA-Form Programs", CC 2009, section 4.1).
 */
import { predecessorsOf, reversePostorderOf } from './graph.ts';
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

/** By register; what isn't live has none. */
export type Distances = Pick<ReadonlyMap<Register, number>, 'get' | 'has'>;

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
  entry(block: number): ReadonlyMap<Register, number>;
  /** Behind a block's terminator. */
  exit(block: number): ReadonlyMap<Register, number>;
}

function throughBlock(block: MachineBlock, exit: ReadonlyMap<Register, number>): Map<Register, number> {
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
  const before = predecessorsOf(fn);
  const entries = new Map<number, Map<Register, number>>();
  const exits = new Map<number, Map<Register, number>>();
  const postorder = [...reversePostorderOf(fn)].reverse();
  /** Blocks in front of what has changed since they were looked at. */
  const stale = new Set(postorder.map(({ id }) => id));
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of postorder) {
      if (!stale.delete(block.id)) continue;
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
      exits.set(block.id, exit);
      if (known !== undefined && sameDistances(known, entry)) continue;
      entries.set(block.id, entry);
      for (const id of before.get(block.id) ?? []) stale.add(id);
      changed = true;
    }
  }
  const none: ReadonlyMap<Register, number> = new Map();
  return { entry: (id) => entries.get(id) ?? none, exit: (id) => exits.get(id) ?? none };
}

function sameDistances(left: ReadonlyMap<Register, number>, right: ReadonlyMap<Register, number>): boolean {
  if (left.size !== right.size) return false;
  for (const [register, distance] of left) if (right.get(register) !== distance) return false;
  return true;
}

/** Where a block reads a virtual register, or sets it without reading it. */
interface Mention {
  readonly index: number;
  readonly reads: boolean;
}

/** Next uses within a block; distances count from its start, as those of one block alone are compared. */
export class UsesInBlock {
  private readonly mentions = new Map<Register, Mention[]>();
  private readonly length: number;

  constructor(
    block: MachineBlock,
    private readonly exit: Distances,
  ) {
    this.length = block.instructions.length + 1;
    for (const [index, instruction] of block.instructions.entries()) {
      const read = used(instruction);
      for (const register of read) this.mention(register, { index, reads: true });
      for (const register of defined(instruction))
        if (!read.includes(register)) this.mention(register, { index, reads: false });
    }
    for (const register of usedByTerminator(block.terminator))
      this.mention(register, { index: this.length - 1, reads: true });
  }

  private mention(register: Register, mention: Mention): void {
    if (!isVirtual(register)) return;
    const known = this.mentions.get(register);
    if (known === undefined) this.mentions.set(register, [mention]);
    else known.push(mention);
  }

  /** Behind an instruction; -1 for the block's start. */
  behind(index: number): Distances {
    const get = (register: Register): number | undefined => {
      const next = this.mentions.get(register)?.find((mention) => mention.index > index);
      if (next !== undefined) return next.reads ? next.index : undefined;
      const far = this.exit.get(register);
      return far === undefined ? undefined : far + this.length;
    };
    return { get, has: (register) => get(register) !== undefined };
  }
}
