/**
 * Iterated register coalescing: George and Appel, "Iterated Register Coalescing", TOPLAS 18(3), 1996. The names
 * of the work lists are the paper's. One round: either every register gets a colour, or some must be spilled.
 */
import { BitSet } from '../ir/bits.ts';
import { accessesOf } from './accesses.ts';
import { InterferenceGraph } from './interference.ts';
import { LiveRegisters, livenessOf } from './liveness.ts';
import { ALLOCATABLE, FRAME_POINTER, isVirtual, type MachineFunction, type Register } from './machine.ts';
import { type Move, type MoveNumber, Moves } from './moves.ts';
import { Worklist } from './worklist.ts';

/**
 * Colours in the order in which they are tried. The result's comes after other scratch registers, so that what a program
 * returns can be set ahead of a branch on them; r5 is dearer to encode on x86-64, and r6 to r9 are saved and restored.
 */
const PREFERENCE: readonly Register[] = [1, 2, 3, 4, 0, 5, 6, 7, 8, 9];
const NO_COLOR = -1;
/** Machine registers have neighbours without end, so that none of them is taken out of the graph. */
const UNBOUNDED = 0x7fff_ffff;
/** All of them, a bit each. */
const EVERY = (1 << ALLOCATABLE) - 1;

export interface Coloring {
  /** The machine register of a register; every virtual one has one only when nothing is spilled. */
  colorOf(register: Register): Register | undefined;
  /** Registers to spill, each with all that was coalesced into it. */
  readonly spilled: readonly ReadonlySet<Register>[];
  /** Whether two registers are ever live at once, what they were coalesced with aside. */
  interfere(left: Register, right: Register): boolean;
}

/** What spilling a register would cost; infinite for those that spilling itself made. */
export type SpillCost = (register: Register) => number;

class Allocator {
  private readonly graph: InterferenceGraph;
  private readonly degree: Int32Array;
  private readonly moves: Moves;
  private readonly colors: Int8Array;
  private readonly costs: Float64Array;
  private readonly selectStack: Register[] = [];
  private readonly removed: BitSet;
  private readonly coalesced: Register[] = [];
  private readonly simplifyWorklist: Worklist;
  private readonly freezeWorklist: Worklist;
  private readonly spillWorklist: Worklist;

  constructor(
    private readonly fn: MachineFunction,
    cost: SpillCost,
  ) {
    const limit = fn.nextRegister;
    this.graph = new InterferenceGraph(limit);
    this.degree = new Int32Array(limit).fill(UNBOUNDED, 0, ALLOCATABLE);
    this.colors = new Int8Array(limit).fill(NO_COLOR, ALLOCATABLE);
    for (let register = 0; register < ALLOCATABLE; register++) this.colors[register] = register;
    this.removed = new BitSet(limit);
    this.simplifyWorklist = new Worklist(limit);
    this.freezeWorklist = new Worklist(limit);
    this.spillWorklist = new Worklist(limit);
    this.moves = new Moves(limit, this.build());
    this.costs = new Float64Array(limit);
    for (const register of this.graph.registers) this.costs[register] = cost(register);
  }

  private addEdge(left: Register, right: Register): void {
    if (!this.graph.add(left, right)) return;
    if (isVirtual(left)) this.degree[left] = this.degreeOf(left) + 1;
    if (isVirtual(right)) this.degree[right] = this.degreeOf(right) + 1;
  }

  /** The graph; gives the function's moves. */
  private build(): readonly Move[] {
    const moves: Move[] = [];
    const accesses = accessesOf(this.fn);
    const { reads, writes, starts } = accesses;
    const live = new LiveRegisters(accesses, livenessOf(this.fn).exit, this.fn.nextRegister);
    let set: Register = 0;
    const interferes = (other: Register): void => this.addEdge(set, other);
    for (const [place, { instructions }] of this.fn.blocks.entries()) {
      live.startAt(place);
      for (let index = instructions.length; index >= 0; index--) {
        const step = (starts[place] ?? 0) + index;
        for (let at = writes.start(step); at < writes.start(step + 1); at++)
          this.graph.mention(writes.at(at));
        for (let at = reads.start(step); at < reads.start(step + 1); at++) this.graph.mention(reads.at(at));
        const instruction = instructions[index];
        if (instruction?.op === 'move') {
          live.delete(instruction.from);
          moves.push(instruction);
        }
        for (let at = writes.start(step); at < writes.start(step + 1); at++) live.add(writes.at(at));
        for (let at = writes.start(step); at < writes.start(step + 1); at++) {
          set = writes.at(at);
          live.forEach(interferes);
        }
        live.stepBackward(step);
      }
    }
    return moves;
  }

  private degreeOf(register: Register): number {
    return this.degree[register] ?? 0;
  }

  private costOf(register: Register): number {
    return this.costs[register] ?? 0;
  }

  private makeWorklist(): void {
    for (const register of this.graph.registers) {
      if (!isVirtual(register)) continue;
      if (this.degreeOf(register) >= ALLOCATABLE) this.spillWorklist.add(register);
      else if (this.moves.isRelated(register)) this.freezeWorklist.add(register);
      else this.simplifyWorklist.add(register);
    }
  }

  private decrementDegree(register: Register): void {
    if (!isVirtual(register)) return;
    const degree = this.degreeOf(register);
    this.degree[register] = degree - 1;
    if (degree !== ALLOCATABLE) return;
    this.moves.enable(register);
    for (const other of this.graph.neighbours(register))
      if (!this.removed.has(other)) this.moves.enable(other);
    this.spillWorklist.delete(register);
    if (this.moves.isRelated(register)) this.freezeWorklist.add(register);
    else this.simplifyWorklist.add(register);
  }

  private simplify(register: Register): void {
    this.simplifyWorklist.delete(register);
    this.selectStack.push(register);
    this.removed.add(register);
    for (const other of this.graph.neighbours(register))
      if (!this.removed.has(other)) this.decrementDegree(other);
  }

  private addWorklist(register: Register): void {
    if (!isVirtual(register) || this.moves.isRelated(register) || this.degreeOf(register) >= ALLOCATABLE)
      return;
    this.freezeWorklist.delete(register);
    this.simplifyWorklist.add(register);
  }

  /** George's test, for a machine register: every neighbour already conflicts with it or is insignificant. */
  private harmless(register: Register, into: Register): boolean {
    return this.graph
      .neighbours(register)
      .every(
        (other) =>
          this.removed.has(other) ||
          !isVirtual(other) ||
          this.degreeOf(other) < ALLOCATABLE ||
          this.graph.has(other, into),
      );
  }

  /** Briggs's test: the joint node has fewer than K significant neighbours. */
  private conservative(left: Register, right: Register): boolean {
    let significant = 0;
    for (const other of this.graph.neighbours(left)) {
      if (this.removed.has(other)) continue;
      const degree = this.degreeOf(other);
      if (degree < ALLOCATABLE || (degree === ALLOCATABLE && this.graph.has(right, other))) continue;
      if (++significant === ALLOCATABLE) return false;
    }
    for (const other of this.graph.neighbours(right)) {
      if (this.removed.has(other) || this.degreeOf(other) < ALLOCATABLE || this.graph.has(left, other))
        continue;
      if (++significant === ALLOCATABLE) return false;
    }
    return true;
  }

  private coalesce(move: MoveNumber): void {
    this.moves.take(move);
    const { to, from } = this.moves.ends(move);
    const [keep, drop] = isVirtual(from) ? [to, from] : [from, to];
    if (keep === drop) {
      this.addWorklist(keep);
      return;
    }
    const frame = keep === FRAME_POINTER || drop === FRAME_POINTER;
    if (frame || !isVirtual(drop) || this.graph.has(keep, drop)) {
      this.addWorklist(keep);
      this.addWorklist(drop);
      return;
    }
    const safe = isVirtual(keep) ? this.conservative(keep, drop) : this.harmless(drop, keep);
    if (!safe) {
      this.moves.activate(move);
      return;
    }
    this.combine(keep, drop);
    this.addWorklist(keep);
  }

  private combine(keep: Register, drop: Register): void {
    this.freezeWorklist.delete(drop);
    this.spillWorklist.delete(drop);
    this.coalesced.push(drop);
    this.removed.add(drop);
    this.moves.join(keep, drop);
    this.costs[keep] = this.costOf(keep) + this.costOf(drop);
    for (const other of this.graph.neighbours(drop)) {
      if (this.removed.has(other)) continue;
      this.addEdge(other, keep);
      this.decrementDegree(other);
    }
    // Those that are gone by now get their colours behind it. Its list would grow with all that is ever coalesced beside it.
    if (isVirtual(keep)) this.graph.retain(keep, (other) => !this.removed.has(other));
    if (this.degreeOf(keep) >= ALLOCATABLE && this.freezeWorklist.delete(keep)) this.spillWorklist.add(keep);
  }

  private freeze(register: Register): void {
    this.freezeWorklist.delete(register);
    this.simplifyWorklist.add(register);
    this.freezeMoves(register);
  }

  private freezeMoves(register: Register): void {
    this.moves.giveUp(register, (move) => {
      const { to, from } = this.moves.ends(move);
      const other = to === this.moves.find(register) ? from : to;
      if (isVirtual(other) && !this.moves.isRelated(other) && this.degreeOf(other) < ALLOCATABLE) {
        this.freezeWorklist.delete(other);
        this.simplifyWorklist.add(other);
      }
    });
  }

  private selectSpill(): void {
    let best: Register | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const register of this.spillWorklist) {
      const cost = this.costOf(register) / this.degreeOf(register);
      if (best === undefined || cost < bestCost) {
        best = register;
        bestCost = cost;
      }
    }
    if (best === undefined) return;
    this.spillWorklist.delete(best);
    this.simplifyWorklist.add(best);
    this.freezeMoves(best);
  }

  private colorAt(register: Register): Register {
    return this.colors[register] ?? NO_COLOR;
  }

  /** Of the free colours, one that a frozen move's other side has, so that the move vanishes after all. */
  private choose(register: Register, free: number): Register | undefined {
    const isFree = (color: Register): boolean => color !== NO_COLOR && (free & (1 << color)) !== 0;
    for (const move of this.moves.of(register)) {
      const { to, from } = this.moves.ends(move);
      const color = this.colorAt(to === register ? from : to);
      if (isFree(color)) return color;
    }
    return PREFERENCE.find(isFree);
  }

  private assign(): ReadonlySet<Register>[] {
    const spilled: Register[] = [];
    for (let register = this.selectStack.pop(); register !== undefined; register = this.selectStack.pop()) {
      let free = EVERY;
      for (const other of this.graph.neighbours(register)) {
        const color = this.colorAt(this.moves.find(other));
        if (color !== NO_COLOR) free &= ~(1 << color);
      }
      const color = this.choose(register, free);
      if (color === undefined) spilled.push(register);
      else this.colors[register] = color;
    }
    const webs = new Map(spilled.map((register) => [register, new Set([register])]));
    for (const register of this.coalesced) {
      const kept = this.moves.find(register);
      this.colors[register] = this.colorAt(kept);
      webs.get(kept)?.add(register);
    }
    return [...webs.values()];
  }

  run(): Coloring {
    this.makeWorklist();
    for (;;) {
      const simple = this.simplifyWorklist.first();
      const move = simple === undefined ? this.moves.first() : undefined;
      const frozen = simple === undefined && move === undefined ? this.freezeWorklist.first() : undefined;
      if (simple !== undefined) this.simplify(simple);
      else if (move !== undefined) this.coalesce(move);
      else if (frozen !== undefined) this.freeze(frozen);
      else if (this.spillWorklist.first() !== undefined) this.selectSpill();
      else break;
    }
    const spilled = this.assign();
    return {
      colorOf: (register) => {
        const color = this.colorAt(register);
        return color === NO_COLOR ? undefined : color;
      },
      spilled,
      interfere: (left, right) => this.graph.has(left, right),
    };
  }
}

/** Colours the interference graph of a function in one round. */
export function color(fn: MachineFunction, cost: SpillCost): Coloring {
  return new Allocator(fn, cost).run();
}
