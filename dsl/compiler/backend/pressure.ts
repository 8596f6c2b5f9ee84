/**
 * Lowers register pressure before colouring: walks each block with the set of registers that hold their value, and
 * when there is no room evicts the one whose next use is furthest away (Braun and Hack, "Register Spilling and Live-Range
 * Splitting for SSA-Form Programs", CC 2009; the choice is Belady's). An evicted register's value is in its frame slot,
 * or is made again. What colouring still can't place it spills by itself.
 */
import { type Registers, setOf } from './assigned.ts';
import { predecessorsOf, reversePostorderOf } from './graph.ts';
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
  successors,
  used,
  usedByTerminator,
} from './machine.ts';
import { type Distances, type NextUses, nextUses, OUT_OF_LOOP, UsesInBlock } from './next-use.ts';
import { type Rematerialised, singleDefinitions } from './remade.ts';
import { assignSlots, slotFor } from './slots.ts';

/** Registers that survive a call. */
const CALL_SAVED = ALLOCATABLE - CALL_CLOBBERED.length;
/** A register whose slot holds its value already is cheaper to evict: its next use counts as this much further away. */
const CLEAN_BONUS = 1.5;

interface State {
  /** Registers that hold their value. */
  readonly held: Set<Register>;
  /** Registers whose slot holds their value. */
  readonly stored: Set<Register>;
}

interface Done {
  readonly instructions: MachineInstruction[];
  readonly entry: State;
  readonly exit: State;
}

/** How many machine registers are taken before each instruction, and behind the last. */
function machineRegistersLive(block: MachineBlock): readonly number[] {
  let live = machineRegisters(usedByTerminator(block.terminator));
  const counts = [countOf(live)];
  for (const instruction of block.instructions.toReversed()) {
    live &= ~machineRegisters(defined(instruction));
    live |= machineRegisters(used(instruction));
    counts.push(countOf(live));
  }
  return counts.reverse();
}

const machineRegisters = (registers: readonly Register[]): Registers =>
  setOf(registers.filter((register) => register < ALLOCATABLE));

function countOf(set: Registers): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

class PressureReducer {
  private readonly uses: NextUses;
  private readonly remade: ReadonlyMap<Register, Rematerialised>;
  private readonly done = new Map<number, Done>();
  private readonly blocks: ReadonlyMap<number, MachineBlock>;
  private readonly before: ReadonlyMap<number, readonly number[]>;
  private readonly order: readonly number[];
  private readonly evicted = new Set<Register>();
  private out: MachineInstruction[] = [];

  constructor(private readonly fn: MachineFunction) {
    this.uses = nextUses(fn);
    this.remade = singleDefinitions(fn);
    this.blocks = new Map(fn.blocks.map((block) => [block.id, block]));
    this.before = predecessorsOf(fn);
    this.order = reversePostorderOf(fn).map((block) => block.id);
  }

  private load(register: Register, span: MachineInstruction['span']): MachineInstruction {
    const remade = this.remade.get(register);
    const at = span && { span };
    if (remade) return { ...remade, to: register, ...at };
    this.evicted.add(register);
    return { op: 'load', bytes: 8, to: register, from: { slot: slotFor(register), offset: 0 }, ...at };
  }

  private save(register: Register, span: MachineInstruction['span']): MachineInstruction[] {
    if (this.remade.has(register)) return [];
    this.evicted.add(register);
    const to = { slot: slotFor(register), offset: 0 };
    return [{ op: 'store', bytes: 8, to, source: { register }, ...(span && { span }) }];
  }

  /** Evicts from `held` until `room` are left, never what is in `pinned`. */
  private limit(
    state: State,
    room: number,
    distances: Distances,
    pinned: ReadonlySet<Register>,
    index: number,
    span: MachineInstruction['span'],
  ): void {
    const far = (register: Register): number => {
      const distance = (distances.get(register) ?? Number.POSITIVE_INFINITY) - index;
      return state.stored.has(register) || this.remade.has(register) ? distance * CLEAN_BONUS : distance;
    };
    while (state.held.size > Math.max(room, 0)) {
      let worst: Register | undefined;
      let furthest = Number.NEGATIVE_INFINITY;
      for (const register of state.held) {
        const distance = pinned.has(register) ? undefined : far(register);
        if (distance === undefined || (worst !== undefined && distance <= furthest)) continue;
        worst = register;
        furthest = distance;
      }
      if (worst === undefined) return;
      state.held.delete(worst);
      if (!distances.has(worst) || state.stored.has(worst)) continue;
      this.out.push(...this.save(worst, span));
      state.stored.add(worst);
    }
  }

  /** What the predecessors hold on entry: of what only some hold, what is held more often than not. */
  private entryState(block: MachineBlock): State {
    const live = this.uses.entry(block.id);
    const before = (this.before.get(block.id) ?? []).map((id) => ({
      exit: this.done.get(id)?.exit,
      frequency: this.blocks.get(id)?.frequency ?? 0,
    }));
    const total = before.reduce((sum, { frequency }) => sum + frequency, 0);
    const known = before.filter(({ exit }) => exit !== undefined);
    // A predecessor that comes later in this order closes a loop.
    const loop = known.length < before.length ? this.loopOf(block.id) : undefined;
    const sets = new Set(loop?.flatMap(({ instructions }) => instructions.flatMap(defined)));
    const roomy = loop !== undefined && this.isRoomy(loop);
    const wanted: Register[] = [];
    const stored = new Set<Register>();
    for (const [register, distance] of live) {
      if (!isVirtual(register)) continue;
      let share = 0;
      let everywhere = known.length > 0;
      for (const { exit, frequency } of known) {
        if (exit?.held.has(register)) share += frequency;
        if (!exit?.stored.has(register)) everywhere = false;
      }
      if (loop ? share > 0 && (roomy || distance < OUT_OF_LOOP) : share * 2 > total) wanted.push(register);
      // What a loop sets anew isn't in its slot when the loop comes round.
      if (everywhere && !sets.has(register)) stored.add(register);
    }
    wanted.sort((left, right) => (live.get(left) ?? 0) - (live.get(right) ?? 0));
    const room = ALLOCATABLE - (machineRegistersLive(block)[0] ?? 0);
    const held = new Set(wanted.slice(0, room));
    for (const register of live.keys()) if (isVirtual(register) && !held.has(register)) stored.add(register);
    return { held, stored };
  }

  /** The blocks between `header` and its next turn. */
  private loopOf(header: number): readonly MachineBlock[] {
    const position = new Map(this.order.map((id, index) => [id, index]));
    const start = position.get(header) ?? 0;
    const body = new Set([header]);
    const work = (this.before.get(header) ?? []).filter((id) => (position.get(id) ?? -1) >= start);
    for (let id = work.pop(); id !== undefined; id = work.pop()) {
      if (body.has(id)) continue;
      body.add(id);
      work.push(...(this.before.get(id) ?? []));
    }
    return [...body].flatMap((id) => this.blocks.get(id) ?? []);
  }

  /** Whether a loop has room for all that is live in it, what is used only behind it included. */
  private isRoomy(loop: readonly MachineBlock[]): boolean {
    return loop.every((block) => {
      if (block.instructions.some(({ op }) => op === 'call')) return false;
      const machine = machineRegistersLive(block);
      const virtual = this.virtualRegistersLive(block);
      return virtual.every((count, index) => count + (machine[index] ?? 0) < ALLOCATABLE);
    });
  }

  /** How many virtual registers are live before each instruction, before the terminator, and behind it. */
  private virtualRegistersLive(block: MachineBlock): readonly number[] {
    const live = new Set<Register>(this.uses.exit(block.id).keys());
    const counts = [live.size];
    for (const register of usedByTerminator(block.terminator)) if (isVirtual(register)) live.add(register);
    counts.push(live.size);
    for (const instruction of block.instructions.toReversed()) {
      for (const register of defined(instruction)) live.delete(register);
      for (const register of used(instruction)) if (isVirtual(register)) live.add(register);
      counts.push(live.size);
    }
    return counts.reverse();
  }

  private processBlock(block: MachineBlock): void {
    const entry = this.entryState(block);
    const state: State = { held: new Set(entry.held), stored: new Set(entry.stored) };
    const uses = new UsesInBlock(block, this.uses.exit(block.id));
    const machine = machineRegistersLive(block);
    this.out = [];
    block.instructions.forEach((instruction, index) => {
      const after = uses.behind(index);
      const reads = used(instruction).filter(isVirtual);
      const sets = defined(instruction).filter(isVirtual);
      const { span } = instruction;
      this.fetch(state, reads, machine[index] ?? 0, uses.behind(index - 1), index, span);
      // What dies here makes room for what is set here.
      for (const register of [...state.held]) if (!after.has(register)) state.held.delete(register);
      const fresh = sets.filter((register) => !state.held.has(register));
      const free = ALLOCATABLE - (machine[index + 1] ?? 0);
      const room = instruction.op === 'call' ? Math.min(CALL_SAVED, free) : free;
      this.limit(state, room - fresh.length, after, new Set(sets), index, span);
      this.out.push(instruction);
      for (const register of sets) {
        state.stored.delete(register);
        if (after.has(register)) state.held.add(register);
      }
    });
    const { terminator } = block;
    const exit = this.uses.exit(block.id);
    const end = block.instructions.length;
    const reads = usedByTerminator(terminator).filter(isVirtual);
    this.fetch(state, reads, machine[end] ?? 0, uses.behind(end - 1), end, terminator.span);
    for (const register of [...state.held]) if (!exit.has(register)) state.held.delete(register);
    this.done.set(block.id, { instructions: this.out, entry, exit: state });
  }

  /** Brings back what an instruction reads, making room for it first. */
  private fetch(
    state: State,
    reads: readonly Register[],
    machine: number,
    distances: Distances,
    index: number,
    span: MachineInstruction['span'],
  ): void {
    const missing = [...new Set(reads)].filter((register) => !state.held.has(register));
    if (missing.length === 0) return;
    this.limit(state, ALLOCATABLE - machine - missing.length, distances, new Set(reads), index, span);
    for (const register of missing) {
      this.out.push(this.load(register, span));
      state.held.add(register);
    }
  }

  /** What has to happen on an edge so that the successor finds what it expects. */
  private coupling(
    from: Done,
    to: Done,
    live: Distances,
    span: MachineTerminator['span'],
  ): MachineInstruction[] {
    const code: MachineInstruction[] = [];
    for (const register of to.entry.stored)
      if (!from.exit.stored.has(register) && live.has(register)) code.push(...this.save(register, span));
    for (const register of to.entry.held)
      if (!from.exit.held.has(register)) code.push(this.load(register, span));
    return code;
  }

  private connect(): MachineBlock[] {
    let nextBlock = Math.max(...this.fn.blocks.map((block) => block.id)) + 1;
    const result: MachineBlock[] = [];
    const heads = new Map<number, MachineInstruction[]>();
    const tails = new Map<number, MachineInstruction[]>();
    const terminators = new Map<number, MachineTerminator>();
    for (const block of this.fn.blocks) {
      const from = this.done.get(block.id);
      if (!from) continue;
      const targets = successors(block.terminator);
      const redirect = new Map<number, number>();
      for (const id of new Set(targets)) {
        const to = this.done.get(id);
        if (!to) continue;
        const code = this.coupling(from, to, this.uses.entry(id), block.terminator.span);
        if (code.length === 0) continue;
        if (block.terminator.op === 'jump') tails.set(block.id, code);
        else if (this.before.get(id)?.length === 1) heads.set(id, code);
        else {
          const target = this.blocks.get(id);
          const frequency = Math.min(block.frequency, target?.frequency ?? block.frequency) / 2;
          const split = nextBlock++;
          result.push({ id: split, instructions: code, terminator: { op: 'jump', to: id }, frequency });
          redirect.set(id, split);
        }
      }
      const { terminator } = block;
      if (terminator.op === 'branch') {
        const then = redirect.get(terminator.then) ?? terminator.then;
        const otherwise = redirect.get(terminator.otherwise) ?? terminator.otherwise;
        terminators.set(block.id, { ...terminator, then, otherwise });
      }
    }
    const rewritten = this.fn.blocks.map((block): MachineBlock => {
      const own = this.done.get(block.id)?.instructions ?? block.instructions;
      const instructions = [...(heads.get(block.id) ?? []), ...own, ...(tails.get(block.id) ?? [])];
      return { ...block, instructions, terminator: terminators.get(block.id) ?? block.terminator };
    });
    return [...rewritten, ...result];
  }

  run(): MachineFunction {
    for (const id of this.order) {
      const block = this.blocks.get(id);
      if (block) this.processBlock(block);
    }
    const blocks = this.connect();
    return assignSlots({ ...this.fn, blocks }, this.fn, this.evicted);
  }
}

/** The function with no more values in registers at once than the machine has. */
export function reducePressure(fn: MachineFunction): MachineFunction {
  return new PressureReducer(fn).run();
}
