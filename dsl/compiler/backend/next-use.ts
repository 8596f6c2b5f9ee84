/**
 * How far away each register's next use is, in instructions. Ways out of loops and onto unlikely paths count as
 * long, so that what is needed only there is taken for far away (Braun and Hack, "Register Spilling and Live-Range
 * Splitting for SSA-Form Programs", CC 2009, section 4.1).
 */
import { type Accesses, accessesOf, edgesOf } from './accesses.ts';
import { isVirtual, type MachineBlock, type MachineFunction, type Register } from './machine.ts';

/** What is used only behind a loop is further away than anything in it. */
export const OUT_OF_LOOP = 100_000;
const UNLIKELY = 1_000;

/** The extra length of an edge. */
function edgeLength(from: MachineBlock, to: MachineBlock): number {
  if (to.frequency >= from.frequency * 0.25) return 0;
  return to.frequency >= from.frequency * 0.1 ? OUT_OF_LOOP : UNLIKELY;
}

/** The virtual registers that are live, and at the same places how far away their next uses are. */
export interface Distances {
  readonly registers: readonly Register[];
  readonly distances: readonly number[];
}

const NOTHING: Distances = { registers: [], distances: [] };

/** By the block's place in the function. */
export interface NextUses {
  /** At a block's start. */
  entry(block: number): Distances;
  /** Behind a block's terminator. */
  exit(block: number): Distances;
}

/** Distances by register in the order in which they were set: what a `Map` is, made once for all blocks. */
class DistanceTable {
  /** By register, where it stands in the lists, from 1 on; 0 of what has no distance. */
  private readonly places: Uint32Array;
  private registers: Register[] = [];
  private distances: number[] = [];

  constructor(limit: number) {
    this.places = new Uint32Array(limit);
  }

  get(register: Register): number | undefined {
    const place = this.places[register] ?? 0;
    return place === 0 ? undefined : this.distances[place - 1];
  }

  set(register: Register, distance: number): void {
    const place = this.places[register] ?? 0;
    if (place !== 0) {
      this.distances[place - 1] = distance;
      return;
    }
    this.distances.push(distance);
    this.places[register] = this.registers.push(register);
  }

  delete(register: Register): void {
    this.places[register] = 0;
  }

  /** Makes all distances longer. */
  addToAll(length: number): void {
    for (let place = 0; place < this.distances.length; place++)
      this.distances[place] = (this.distances[place] ?? 0) + length;
  }

  clear(): void {
    for (const register of this.registers) this.places[register] = 0;
    this.registers = [];
    this.distances = [];
  }

  list(): Distances {
    const registers: Register[] = [];
    const distances: number[] = [];
    for (let place = 0; place < this.registers.length; place++) {
      const register = this.registers[place] ?? 0;
      if (this.places[register] !== place + 1) continue;
      registers.push(register);
      distances.push(this.distances[place] ?? 0);
    }
    return { registers, distances };
  }
}

/** Takes what is live behind a block to what is live in front of it. */
function throughBlock(table: DistanceTable, { reads, writes, starts }: Accesses, block: number): void {
  const start = starts[block] ?? 0;
  const end = starts[block + 1] ?? 0;
  table.addToAll(end - start);
  for (let step = end - 1; step >= start; step--) {
    for (let at = writes.start(step); at < writes.start(step + 1); at++) table.delete(writes.at(at));
    for (let at = reads.start(step); at < reads.start(step + 1); at++)
      if (isVirtual(reads.at(at))) table.set(reads.at(at), step - start);
  }
}

/** Computes next uses at block boundaries to a fixed point; `order` has the blocks' places in reverse postorder. */
export function nextUses(fn: MachineFunction, order: readonly number[]): NextUses {
  const { blocks } = fn;
  const { next, before } = edgesOf(fn);
  const accesses = accessesOf(fn);
  const table = new DistanceTable(fn.nextRegister);
  const entries: Distances[] = blocks.map(() => NOTHING);
  const exits: Distances[] = blocks.map(() => NOTHING);
  const known = new Uint8Array(blocks.length);
  /** Blocks in front of what has changed since they were looked at. */
  const stale = new Uint8Array(blocks.length).fill(1);
  const addEntryOf = (from: number, to: number): void => {
    const [block, successor] = [blocks[from], blocks[to]];
    if (block === undefined || successor === undefined) return;
    const length = edgeLength(block, successor);
    const { registers, distances } = entries[to] ?? NOTHING;
    for (let at = 0; at < registers.length; at++) {
      const register = registers[at] ?? 0;
      const distance = (distances[at] ?? 0) + length;
      table.set(register, Math.min(table.get(register) ?? distance, distance));
    }
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let position = order.length - 1; position >= 0; position--) {
      const block = order[position] ?? 0;
      if (stale[block] === 0) continue;
      stale[block] = 0;
      table.clear();
      for (let at = next.start(block); at < next.start(block + 1); at++) addEntryOf(block, next.at(at));
      exits[block] = table.list();
      throughBlock(table, accesses, block);
      const entry = table.list();
      if (known[block] === 1 && sameDistances(entries[block] ?? NOTHING, entry, table)) continue;
      known[block] = 1;
      entries[block] = entry;
      for (let at = before.start(block); at < before.start(block + 1); at++) stale[before.at(at)] = 1;
      changed = true;
    }
  }
  return { entry: (block) => entries[block] ?? NOTHING, exit: (block) => exits[block] ?? NOTHING };
}

/** Whether what was found before is what was found now, which the table has too. */
function sameDistances(before: Distances, now: Distances, table: DistanceTable): boolean {
  const { registers, distances } = before;
  if (registers.length !== now.registers.length) return false;
  for (let at = 0; at < registers.length; at++)
    if (table.get(registers[at] ?? 0) !== distances[at]) return false;
  return true;
}

/** Next uses within a block, which is walked forward; distances count from its start, as those of one block alone are compared. */
export class UsesInBlock {
  private block = -1;
  private length = 0;
  /** The block that each register was last seen in: what the tables below have of it is of that block. */
  private readonly seenIn: Int32Array;
  /** By register: the first mention that isn't passed yet, and how far the next use is behind the block; -1 for none. */
  private readonly mentions: Int32Array;
  private readonly behind: Int32Array;
  /** By mention, where it is, whether it reads the register or sets it without reading it, and the next one. */
  private indices: number[] = [];
  private read: boolean[] = [];
  private following: number[] = [];

  constructor(
    private readonly accesses: Accesses,
    private readonly uses: NextUses,
    registers: number,
  ) {
    this.seenIn = new Int32Array(registers).fill(-1);
    this.mentions = new Int32Array(registers);
    this.behind = new Int32Array(registers);
  }

  startBlock(block: number): void {
    const { reads, writes, starts } = this.accesses;
    const start = starts[block] ?? 0;
    this.block = block;
    this.length = (starts[block + 1] ?? 0) - start;
    this.indices = [];
    this.read = [];
    this.following = [];
    const { registers, distances } = this.uses.exit(block);
    for (let at = 0; at < registers.length; at++) {
      const register = registers[at] ?? 0;
      this.see(register);
      this.behind[register] = distances[at] ?? 0;
    }
    for (let index = this.length - 1; index >= 0; index--) {
      const step = start + index;
      for (let at = writes.start(step); at < writes.start(step + 1); at++)
        this.mention(writes.at(at), index, false);
      for (let at = reads.start(step); at < reads.start(step + 1); at++)
        this.mention(reads.at(at), index, true);
    }
  }

  private see(register: Register): void {
    if (this.seenIn[register] === this.block) return;
    this.seenIn[register] = this.block;
    this.mentions[register] = -1;
    this.behind[register] = -1;
  }

  private mention(register: Register, index: number, reads: boolean): void {
    if (!isVirtual(register)) return;
    this.see(register);
    this.following.push(this.mentions[register] ?? -1);
    this.read.push(reads);
    this.mentions[register] = this.indices.push(index) - 1;
  }

  /** The next use from an instruction on, none in front of which is asked for any more; undefined of what isn't live. */
  from(index: number, register: Register): number | undefined {
    if (this.seenIn[register] !== this.block) return undefined;
    let mention = this.mentions[register] ?? -1;
    while (mention >= 0 && (this.indices[mention] ?? 0) < index) mention = this.following[mention] ?? -1;
    this.mentions[register] = mention;
    if (mention >= 0) return this.read[mention] ? this.indices[mention] : undefined;
    const behind = this.behind[register] ?? -1;
    return behind < 0 ? undefined : behind + this.length;
  }
}
