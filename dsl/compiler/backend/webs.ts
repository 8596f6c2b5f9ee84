/** Renames the unconnected parts of a register's live range to registers of their own, so that each gets its own colour. */
import { type Accesses, accessesOf, edgesOf } from './accesses.ts';
import { Lists } from './lists.ts';
import { livenessOf } from './liveness.ts';
import {
  FIRST_VIRTUAL,
  isVirtual,
  type MachineBlock,
  type MachineFunction,
  type Register,
  renameRegisters,
  renameTerminator,
} from './machine.ts';

/** Disjoint sets of numbers that grow on demand. */
class UnionFind {
  private readonly parents: number[] = [];

  create(): number {
    return this.parents.push(this.parents.length) - 1;
  }

  private parentOf(member: number): number {
    return this.parents[member] ?? member;
  }

  get size(): number {
    return this.parents.length;
  }

  find(member: number): number {
    let at = member;
    for (let parent = this.parentOf(at); parent !== at; parent = this.parentOf(at)) {
      this.parents[at] = this.parentOf(parent);
      at = parent;
    }
    return at;
  }

  /** The older set takes up the other one. */
  union(left: number, right: number): void {
    const first = this.find(left);
    const second = this.find(right);
    if (first < second) this.parents[second] = first;
    else this.parents[first] = second;
  }
}

/** The web of each register at one place of a block. */
class CurrentWebs {
  private readonly webs: number[];
  /** The number of the block that a register's web is of. */
  private readonly blocks: number[];
  private block = 0;

  constructor(registers: number) {
    this.webs = new Array<number>(registers).fill(0);
    this.blocks = new Array<number>(registers).fill(0);
  }

  startBlock(): void {
    this.block += 1;
  }

  /** -1 where it has none. */
  get(register: Register): number {
    return this.blocks[register] === this.block ? (this.webs[register] ?? -1) : -1;
  }

  set(register: Register, web: number): void {
    this.blocks[register] = this.block;
    this.webs[register] = web;
  }
}

/** Webs by the places of registers among those that are read and written; of machine registers there are none. */
interface Webs {
  readonly ofReads: readonly number[];
  readonly ofWrites: readonly number[];
  readonly joined: UnionFind;
}

/** The registers that are live at each block's start and, at the same places, their webs. */
function websOnEntry(fn: MachineFunction, joined: UnionFind): { live: Lists; webs: readonly number[] } {
  const { entry } = livenessOf(fn);
  const live = new Lists();
  const webs: number[] = [];
  for (let block = 0; block < fn.blocks.length; block++) {
    for (const register of entry.of(block)) {
      if (!isVirtual(register)) continue;
      live.members.push(register);
      webs.push(joined.create());
    }
    live.close();
  }
  return { live, webs };
}

/** Whether a step reads a register. */
function isRead({ reads }: Accesses, step: number, register: Register): boolean {
  for (let at = reads.start(step); at < reads.start(step + 1); at++)
    if (reads.at(at) === register) return true;
  return false;
}

function findWebs(fn: MachineFunction, accesses: Accesses): Webs {
  const { reads, writes, starts } = accesses;
  const { next } = edgesOf(fn);
  const joined = new UnionFind();
  const entry = websOnEntry(fn, joined);
  const current = new CurrentWebs(fn.nextRegister);
  const ofReads: number[] = [];
  const ofWrites: number[] = [];
  for (let block = 0; block < fn.blocks.length; block++) {
    current.startBlock();
    for (let at = entry.live.start(block); at < entry.live.start(block + 1); at++)
      current.set(entry.live.at(at), entry.webs[at] ?? 0);
    for (let step = starts[block] ?? 0; step < (starts[block + 1] ?? 0); step++) {
      for (let at = reads.start(step); at < reads.start(step + 1); at++)
        ofReads.push(current.get(reads.at(at)));
      for (let at = writes.start(step); at < writes.start(step + 1); at++) {
        const register = writes.at(at);
        // In two-address form what is written is what was read.
        const same = current.get(register) >= 0 && isRead(accesses, step, register);
        if (isVirtual(register) && !same) current.set(register, joined.create());
        ofWrites.push(current.get(register));
      }
    }
    for (let way = next.start(block); way < next.start(block + 1); way++) {
      const to = next.at(way);
      for (let at = entry.live.start(to); at < entry.live.start(to + 1); at++) {
        const own = current.get(entry.live.at(at));
        if (own >= 0) joined.union(own, entry.webs[at] ?? 0);
      }
    }
  }
  return { ofReads, ofWrites, joined };
}

/** Numbers webs as registers, from the first virtual one on, as they are asked for. */
class WebRegisters {
  /** By the web that stands for all that it is joined with; 0 of those that have none yet. */
  private readonly registers: Uint32Array;
  next: Register = FIRST_VIRTUAL;

  constructor(private readonly joined: UnionFind) {
    this.registers = new Uint32Array(joined.size);
  }

  of(web: number): Register {
    const root = this.joined.find(web);
    const known = this.registers[root] ?? 0;
    if (known !== 0) return known;
    this.registers[root] = this.next;
    return this.next++;
  }
}

/** Gives every web a register of its own, numbered from the first virtual one. */
export function renameWebs(fn: MachineFunction): MachineFunction {
  const accesses = accessesOf(fn);
  const { ofReads, ofWrites, joined } = findWebs(fn, accesses);
  const registers = new WebRegisters(joined);
  let step = 0;
  const renamed = (lists: Lists, webs: readonly number[], register: Register): Register => {
    for (let at = lists.start(step); at < lists.start(step + 1); at++) {
      const web = webs[at] ?? -1;
      if (web >= 0 && lists.at(at) === register) return registers.of(web);
    }
    return register;
  };
  const read = (register: Register) => renamed(accesses.reads, ofReads, register);
  const written = (register: Register) => renamed(accesses.writes, ofWrites, register);
  const blocks = fn.blocks.map((block): MachineBlock => {
    const instructions = block.instructions.map((instruction) => {
      const result = renameRegisters(instruction, read, written);
      step += 1;
      return result;
    });
    const terminator = renameTerminator(block.terminator, read);
    step += 1;
    return { ...block, instructions, terminator };
  });
  return { ...fn, blocks, nextRegister: registers.next };
}
