/**
 * Lowers register pressure before colouring: walks each block with the set of registers that hold their value, and
 * when there is no room evicts the one whose next use is furthest away (Braun and Hack, "Register Spilling and Live-Range
 * Splitting for SSA-Form Programs", CC 2009; the choice is Belady's). An evicted register's value is in its frame slot,
 * or is made again. What colouring still can't place it spills by itself.
 */
import { type Accesses, accessesOf, type Edges, edgesOf } from './accesses.ts';
import type { Registers } from './assigned.ts';
import { reversePostorderOf } from './graph.ts';
import type { Lists } from './lists.ts';
import {
  ALLOCATABLE,
  CALL_CLOBBERED,
  defined,
  isVirtual,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type MachineTerminator,
  type Register,
} from './machine.ts';
import { type NextUses, nextUses, OUT_OF_LOOP, UsesInBlock } from './next-use.ts';
import { type Rematerialised, singleDefinitions } from './remade.ts';
import { BitRows } from './rows.ts';
import { assignSlots, slotFor } from './slots.ts';

/** Registers that survive a call. */
const CALL_SAVED = ALLOCATABLE - CALL_CLOBBERED.length;
/** A register whose slot holds its value already is cheaper to evict: its next use counts as this much further away. */
const CLEAN_BONUS = 1.5;

type At = MachineInstruction['span'];

/** What a block finds when it starts. */
interface Entry {
  /** Registers that hold their value. */
  readonly held: readonly Register[];
  /** Registers whose slot holds their value. */
  readonly stored: readonly Register[];
}

interface Done {
  readonly instructions: readonly MachineInstruction[];
  readonly entry: Entry;
}

function countOf(set: Registers): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/** Of the registers of a step, those of the machine that are handed out. */
function machineRegisters(lists: Lists, step: number): Registers {
  let set = 0;
  for (let at = lists.start(step); at < lists.start(step + 1); at++)
    if (lists.at(at) < ALLOCATABLE) set |= 1 << lists.at(at);
  return set;
}

/** Of the registers of a step, the virtual ones, each once. */
function virtualRegisters(lists: Lists, step: number): readonly Register[] {
  const registers: Register[] = [];
  for (let at = lists.start(step); at < lists.start(step + 1); at++) {
    const register = lists.at(at);
    if (isVirtual(register) && !registers.includes(register)) registers.push(register);
  }
  return registers;
}

/** How many machine registers are taken before each step; none is live from one block to another. */
function machineRegistersLive({ reads, writes, starts }: Accesses): Uint8Array {
  const counts = new Uint8Array(starts.at(-1) ?? 0);
  for (let block = 0; block + 1 < starts.length; block++) {
    let live = 0;
    for (let step = (starts[block + 1] ?? 0) - 1; step >= (starts[block] ?? 0); step--) {
      live = (live & ~machineRegisters(writes, step)) | machineRegisters(reads, step);
      counts[step] = countOf(live);
    }
  }
  return counts;
}

class PressureReducer {
  private readonly accesses: Accesses;
  private readonly edges: Edges;
  /** Blocks are told by their places in the function. */
  private readonly order: readonly number[];
  private readonly uses: NextUses;
  private readonly usesInBlock: UsesInBlock;
  private readonly machineLive: Uint8Array;
  private readonly remade: ReadonlyMap<Register, Rematerialised>;
  private readonly done: (Done | undefined)[];
  /** Registers that hold their value at each block's end, and those whose slot does. */
  private readonly held: BitRows;
  private readonly stored: BitRows;
  private readonly evicted = new Set<Register>();
  /** Of the block at hand: its place, the registers that hold their value at this instruction, and what it becomes. */
  private block = 0;
  private holding: Register[] = [];
  private out: MachineInstruction[] = [];

  constructor(private readonly fn: MachineFunction) {
    const places = new Map(fn.blocks.map(({ id }, place) => [id, place]));
    this.accesses = accessesOf(fn);
    this.edges = edgesOf(fn);
    this.order = reversePostorderOf(fn).map(({ id }) => places.get(id) ?? 0);
    this.uses = nextUses(fn, this.order);
    this.usesInBlock = new UsesInBlock(this.accesses, this.uses, fn.nextRegister);
    this.machineLive = machineRegistersLive(this.accesses);
    this.remade = singleDefinitions(fn);
    this.done = fn.blocks.map(() => undefined);
    this.held = new BitRows(fn.blocks.length, fn.nextRegister);
    this.stored = new BitRows(fn.blocks.length, fn.nextRegister);
  }

  private load(register: Register, span: At): MachineInstruction {
    const remade = this.remade.get(register);
    if (remade) return { ...remade, to: register, span: span ?? remade.span };
    this.evicted.add(register);
    return { op: 'load', bytes: 8, to: register, from: { slot: slotFor(register), offset: 0 }, span };
  }

  private save(register: Register, into: MachineInstruction[], span: At): void {
    if (this.remade.has(register)) return;
    this.evicted.add(register);
    const to = { slot: slotFor(register), offset: 0 };
    into.push({ op: 'store', bytes: 8, to, source: { register }, span });
  }

  private isHeld(register: Register): boolean {
    return this.holding.includes(register);
  }

  private drop(register: Register): void {
    const at = this.holding.indexOf(register);
    if (at >= 0) this.holding.splice(at, 1);
  }

  /**
   * Evicts registers until `room` are left, never what is in `pinned`. Uses count from instruction `from` on, distances
   * from instruction `index`.
   */
  private limit(room: number, from: number, index: number, pinned: readonly Register[], span: At): void {
    while (this.holding.length > Math.max(room, 0)) {
      let worst: Register | undefined;
      let furthest = Number.NEGATIVE_INFINITY;
      for (const register of this.holding) {
        if (pinned.includes(register)) continue;
        const next = (this.usesInBlock.from(from, register) ?? Number.POSITIVE_INFINITY) - index;
        const isClean = this.stored.has(this.block, register) || this.remade.has(register);
        const distance = isClean ? next * CLEAN_BONUS : next;
        if (worst !== undefined && distance <= furthest) continue;
        worst = register;
        furthest = distance;
      }
      if (worst === undefined) return;
      this.drop(worst);
      if (this.usesInBlock.from(from, worst) === undefined || this.stored.has(this.block, worst)) continue;
      this.save(worst, this.out, span);
      this.stored.add(this.block, worst);
    }
  }

  /** What the predecessors hold on entry: of what only some hold, what is held more often than not. */
  private entryOf(block: number): Entry {
    const { registers, distances } = this.uses.entry(block);
    const { before } = this.edges;
    const known: number[] = [];
    let total = 0;
    for (let at = before.start(block); at < before.start(block + 1); at++) {
      total += this.frequencyOf(before.at(at));
      if (this.done[before.at(at)] !== undefined) known.push(before.at(at));
    }
    // A predecessor that comes later in this order closes a loop.
    const isLoop = known.length < before.start(block + 1) - before.start(block);
    const loop = isLoop ? this.loopOf(block) : undefined;
    const sets = new Set(loop?.flatMap((place) => this.blockAt(place).instructions.flatMap(defined)));
    const roomy = loop !== undefined && this.isRoomy(loop);
    /** Places among what is live. */
    const wanted: number[] = [];
    const stored: Register[] = [];
    for (let at = 0; at < registers.length; at++) {
      const register = registers[at] ?? 0;
      let share = 0;
      let everywhere = known.length > 0;
      for (const way of known) {
        if (this.held.has(way, register)) share += this.frequencyOf(way);
        if (!this.stored.has(way, register)) everywhere = false;
      }
      const near = roomy || (distances[at] ?? 0) < OUT_OF_LOOP;
      if (loop ? share > 0 && near : share * 2 > total) wanted.push(at);
      // What a loop sets anew isn't in its slot when the loop comes round.
      if (everywhere && !sets.has(register)) stored.push(register);
    }
    wanted.sort((left, right) => (distances[left] ?? 0) - (distances[right] ?? 0));
    const room = ALLOCATABLE - (this.machineLive[this.accesses.starts[block] ?? 0] ?? 0);
    const held = wanted.slice(0, room).map((at) => registers[at] ?? 0);
    for (const register of stored) this.stored.add(block, register);
    for (const register of registers) {
      if (this.stored.has(block, register) || held.includes(register)) continue;
      this.stored.add(block, register);
      stored.push(register);
    }
    return { held, stored };
  }

  private blockAt(place: number): MachineBlock {
    const block = this.fn.blocks[place];
    if (block === undefined) throw new Error(`function ${this.fn.name} has no block at place ${place}`);
    return block;
  }

  private frequencyOf(place: number): number {
    return this.fn.blocks[place]?.frequency ?? 0;
  }

  /** The blocks between `header` and its next turn: those that lead to it and haven't been walked. */
  private loopOf(header: number): readonly number[] {
    const { before } = this.edges;
    const body = new Set([header]);
    const work: number[] = [];
    const addWays = (block: number, isWay: (way: number) => boolean): void => {
      for (let at = before.start(block); at < before.start(block + 1); at++)
        if (isWay(before.at(at))) work.push(before.at(at));
    };
    addWays(header, (way) => this.done[way] === undefined);
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      if (body.has(block)) continue;
      body.add(block);
      addWays(block, () => true);
    }
    return [...body];
  }

  /** Whether a loop has room for all that is live in it, what is used only behind it included. */
  private isRoomy(loop: readonly number[]): boolean {
    return loop.every((block) => {
      if (this.blockAt(block).instructions.some(({ op }) => op === 'call')) return false;
      const { reads, writes, starts } = this.accesses;
      const live = new Set<Register>(this.uses.exit(block).registers);
      if (live.size >= ALLOCATABLE) return false;
      for (let step = (starts[block + 1] ?? 0) - 1; step >= (starts[block] ?? 0); step--) {
        for (const register of virtualRegisters(writes, step)) live.delete(register);
        for (const register of virtualRegisters(reads, step)) live.add(register);
        if (live.size + (this.machineLive[step] ?? 0) >= ALLOCATABLE) return false;
      }
      return true;
    });
  }

  private processBlock(place: number): void {
    const { instructions, terminator } = this.blockAt(place);
    const entry = this.entryOf(place);
    this.block = place;
    this.holding = [...entry.held];
    this.out = [];
    this.usesInBlock.startBlock(place);
    instructions.forEach((instruction, index) => {
      this.processInstruction(instruction, index);
    });
    const end = instructions.length;
    this.fetch(end, terminator.span);
    for (const register of this.holding) this.held.add(place, register);
    this.done[place] = { instructions: this.out, entry };
  }

  private processInstruction(instruction: MachineInstruction, index: number): void {
    const step = (this.accesses.starts[this.block] ?? 0) + index;
    const sets = virtualRegisters(this.accesses.writes, step);
    this.fetch(index, instruction.span);
    const fresh = sets.reduce((count, register) => (this.isHeld(register) ? count : count + 1), 0);
    const free = ALLOCATABLE - (this.machineLive[step + 1] ?? 0);
    const room = instruction.op === 'call' ? Math.min(CALL_SAVED, free) : free;
    this.limit(room - fresh, index + 1, index, sets, instruction.span);
    this.out.push(instruction);
    for (const register of sets) {
      this.stored.delete(this.block, register);
      if (!this.isHeld(register) && this.usesInBlock.from(index + 1, register) !== undefined)
        this.holding.push(register);
    }
  }

  /** Brings back what an instruction reads, making room for it first; what dies there makes room for what is set there. */
  private fetch(index: number, span: At): void {
    const step = (this.accesses.starts[this.block] ?? 0) + index;
    const reads = virtualRegisters(this.accesses.reads, step);
    const missing = reads.filter((register) => !this.isHeld(register));
    if (missing.length > 0) {
      const room = ALLOCATABLE - (this.machineLive[step] ?? 0) - missing.length;
      this.limit(room, index, index, reads, span);
    }
    for (const register of missing) {
      this.out.push(this.load(register, span));
      this.holding.push(register);
    }
    // Nothing is held that has no use, so that only what is read here can have its last one.
    for (const register of reads)
      if (this.usesInBlock.from(index + 1, register) === undefined) this.drop(register);
  }

  /** What has to happen on an edge so that the successor finds what it expects. */
  private coupling(from: number, to: Entry, span: MachineTerminator['span']): MachineInstruction[] {
    const code: MachineInstruction[] = [];
    for (const register of to.stored) if (!this.stored.has(from, register)) this.save(register, code, span);
    for (const register of to.held) if (!this.held.has(from, register)) code.push(this.load(register, span));
    return code;
  }

  private connect(): MachineBlock[] {
    const { next, before } = this.edges;
    let nextBlock = Math.max(...this.fn.blocks.map((block) => block.id)) + 1;
    const split: MachineBlock[] = [];
    const heads: (readonly MachineInstruction[] | undefined)[] = this.fn.blocks.map(() => undefined);
    const rewritten = this.fn.blocks.map((block, place): MachineBlock => {
      const own = this.done[place];
      if (own === undefined) return block;
      let { instructions } = own;
      let { terminator } = block;
      for (let at = next.start(place); at < next.start(place + 1); at++) {
        const to = next.at(at);
        const target = this.done[to];
        if (target === undefined || (at > next.start(place) && to === next.at(at - 1))) continue;
        const code = this.coupling(place, target.entry, terminator.span);
        if (code.length === 0) continue;
        if (terminator.op !== 'branch') instructions = [...instructions, ...code];
        else if (before.start(to + 1) - before.start(to) === 1) heads[to] = code;
        else {
          const successor = this.blockAt(to);
          const frequency = Math.min(block.frequency, successor.frequency) / 2;
          const id = nextBlock++;
          split.push({ id, instructions: code, terminator: { op: 'jump', to: successor.id }, frequency });
          const { then, otherwise } = terminator;
          terminator = {
            ...terminator,
            then: then === successor.id ? id : then,
            otherwise: otherwise === successor.id ? id : otherwise,
          };
        }
      }
      return { ...block, instructions, terminator };
    });
    const blocks = rewritten.map((block, place) => {
      const head = heads[place];
      return head === undefined ? block : { ...block, instructions: [...head, ...block.instructions] };
    });
    return [...blocks, ...split];
  }

  run(): MachineFunction {
    for (const place of this.order) this.processBlock(place);
    const blocks = this.connect();
    return assignSlots({ ...this.fn, blocks }, this.fn, this.evicted);
  }
}

/** The function with no more values in registers at once than the machine has. */
export function reducePressure(fn: MachineFunction): MachineFunction {
  return new PressureReducer(fn).run();
}
