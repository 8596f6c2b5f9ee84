/**
 * Iterated register coalescing: George and Appel, "Iterated Register Coalescing", TOPLAS 18(3), 1996. The names
 * of the work lists are the paper's. One round: either every register gets a colour, or some must be spilled.
 */
import { BitSet } from './bits.ts';
import { liveAtExit, liveBeforeTerminator, stepBackward } from './liveness.ts';
import {
  ALLOCATABLE,
  defined,
  FRAME_POINTER,
  isVirtual,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  used,
  usedByTerminator,
} from './machine.ts';

/**
 * Colours in the order in which they are tried. The result's comes after other scratch registers, so that what a program
 * returns can be set ahead of a branch on them; r5 is dearer to encode on x86-64, and r6 to r9 are saved and restored.
 */
const PREFERENCE: readonly Register[] = [1, 2, 3, 4, 0, 5, 6, 7, 8, 9];

type Move = Extract<MachineInstruction, { op: 'move' }>;

export interface Coloring {
  /** The machine register of every virtual register; complete only when nothing is spilled. */
  readonly colors: ReadonlyMap<Register, Register>;
  /** Registers to spill, each with all that was coalesced into it. */
  readonly spilled: readonly ReadonlySet<Register>[];
  /** Whether two registers are ever live at once, what they were coalesced with aside. */
  interfere(left: Register, right: Register): boolean;
}

/** What spilling a register would cost; infinite for those that spilling itself made. */
export type SpillCost = (register: Register) => number;

class Allocator {
  private readonly adjacent = new Map<Register, Set<Register>>();
  private readonly degree = new Map<Register, number>();
  private readonly movesOf = new Map<Register, Set<Move>>();
  private readonly alias = new Map<Register, Register>();
  private readonly colors = new Map<Register, Register>();
  private readonly selectStack: Register[] = [];
  private readonly removed = new Set<Register>();
  private readonly coalesced = new Set<Register>();
  private readonly simplifyWorklist = new Set<Register>();
  private readonly freezeWorklist = new Set<Register>();
  private readonly spillWorklist = new Set<Register>();
  private readonly worklistMoves = new Set<Move>();
  private readonly activeMoves = new Set<Move>();
  private readonly costs = new Map<Register, number>();

  constructor(
    private readonly fn: MachineFunction,
    cost: SpillCost,
  ) {
    for (let register = 0; register < ALLOCATABLE; register++) {
      this.degree.set(register, Number.POSITIVE_INFINITY);
      this.colors.set(register, register);
    }
    this.build();
    for (const register of this.adjacent.keys()) this.costs.set(register, cost(register));
  }

  private neighbours(register: Register): Set<Register> {
    let set = this.adjacent.get(register);
    if (!set) {
      set = new Set();
      this.adjacent.set(register, set);
    }
    return set;
  }

  private addEdge(left: Register, right: Register): void {
    if (left === right || left === FRAME_POINTER || right === FRAME_POINTER) return;
    const leftSet = this.neighbours(left);
    if (leftSet.has(right)) return;
    leftSet.add(right);
    this.neighbours(right).add(left);
    if (isVirtual(left)) this.degree.set(left, (this.degree.get(left) ?? 0) + 1);
    if (isVirtual(right)) this.degree.set(right, (this.degree.get(right) ?? 0) + 1);
  }

  private mention(register: Register): void {
    if (register === FRAME_POINTER) return;
    this.neighbours(register);
    if (!this.degree.has(register)) this.degree.set(register, 0);
  }

  private addMove(register: Register, move: Move): void {
    const moves = this.movesOf.get(register) ?? new Set();
    this.movesOf.set(register, moves.add(move));
  }

  private build(): void {
    const exits = liveAtExit(this.fn);
    for (const block of this.fn.blocks) {
      const exit = exits.get(block.id) ?? new BitSet(this.fn.nextRegister);
      const live = liveBeforeTerminator(block, exit);
      usedByTerminator(block.terminator).forEach((register) => {
        this.mention(register);
      });
      for (const instruction of [...block.instructions].reverse()) {
        const sets = defined(instruction);
        for (const register of sets) this.mention(register);
        for (const register of used(instruction)) this.mention(register);
        if (instruction.op === 'move') {
          live.delete(instruction.from);
          this.addMove(instruction.from, instruction);
          this.addMove(instruction.to, instruction);
          this.worklistMoves.add(instruction);
        }
        for (const register of sets) live.add(register);
        for (const register of sets)
          live.forEach((other) => {
            this.addEdge(register, other);
          });
        stepBackward(live, instruction);
      }
    }
  }

  private *adjacentNow(register: Register): Iterable<Register> {
    for (const other of this.neighbours(register)) if (!this.removed.has(other)) yield other;
  }

  private *movesNow(register: Register): Iterable<Move> {
    for (const move of this.movesOf.get(register) ?? [])
      if (this.activeMoves.has(move) || this.worklistMoves.has(move)) yield move;
  }

  private moveRelated(register: Register): boolean {
    for (const _ of this.movesNow(register)) return true;
    return false;
  }

  private degreeOf(register: Register): number {
    return this.degree.get(register) ?? 0;
  }

  private makeWorklist(): void {
    for (const register of this.adjacent.keys()) {
      if (!isVirtual(register)) continue;
      if (this.degreeOf(register) >= ALLOCATABLE) this.spillWorklist.add(register);
      else if (this.moveRelated(register)) this.freezeWorklist.add(register);
      else this.simplifyWorklist.add(register);
    }
  }

  private enableMoves(register: Register): void {
    for (const move of this.movesOf.get(register) ?? [])
      if (this.activeMoves.delete(move)) this.worklistMoves.add(move);
  }

  private decrementDegree(register: Register): void {
    if (!isVirtual(register)) return;
    const degree = this.degreeOf(register);
    this.degree.set(register, degree - 1);
    if (degree !== ALLOCATABLE) return;
    this.enableMoves(register);
    for (const other of this.adjacentNow(register)) this.enableMoves(other);
    this.spillWorklist.delete(register);
    if (this.moveRelated(register)) this.freezeWorklist.add(register);
    else this.simplifyWorklist.add(register);
  }

  private simplify(register: Register): void {
    this.simplifyWorklist.delete(register);
    this.selectStack.push(register);
    this.removed.add(register);
    for (const other of this.neighbours(register)) if (!this.removed.has(other)) this.decrementDegree(other);
  }

  private find(register: Register): Register {
    let found = register;
    for (let next = this.alias.get(found); next !== undefined; next = this.alias.get(found)) found = next;
    return found;
  }

  private addWorklist(register: Register): void {
    if (!isVirtual(register) || this.moveRelated(register) || this.degreeOf(register) >= ALLOCATABLE) return;
    this.freezeWorklist.delete(register);
    this.simplifyWorklist.add(register);
  }

  /** George's test, for a machine register: every neighbour already conflicts with it or is insignificant. */
  private harmless(register: Register, into: Register): boolean {
    for (const other of this.adjacentNow(register))
      if (isVirtual(other) && this.degreeOf(other) >= ALLOCATABLE && !this.neighbours(other).has(into))
        return false;
    return true;
  }

  /** Briggs's test: the joint node has fewer than K significant neighbours. */
  private conservative(left: Register, right: Register): boolean {
    let significant = 0;
    const seen = new Set<Register>();
    for (const register of [left, right])
      for (const other of this.adjacentNow(register)) {
        if (seen.has(other)) continue;
        seen.add(other);
        const shared = this.neighbours(left).has(other) && this.neighbours(right).has(other);
        if (this.degreeOf(other) - (shared ? 1 : 0) >= ALLOCATABLE) significant++;
      }
    return significant < ALLOCATABLE;
  }

  private coalesce(move: Move): void {
    this.worklistMoves.delete(move);
    const to = this.find(move.to);
    const from = this.find(move.from);
    const [keep, drop] = isVirtual(from) ? [to, from] : [from, to];
    if (keep === drop) {
      this.addWorklist(keep);
      return;
    }
    const frame = keep === FRAME_POINTER || drop === FRAME_POINTER;
    if (frame || !isVirtual(drop) || this.neighbours(keep).has(drop)) {
      this.addWorklist(keep);
      this.addWorklist(drop);
      return;
    }
    const safe = isVirtual(keep) ? this.conservative(keep, drop) : this.harmless(drop, keep);
    if (!safe) {
      this.activeMoves.add(move);
      return;
    }
    this.combine(keep, drop);
    this.addWorklist(keep);
  }

  private combine(keep: Register, drop: Register): void {
    this.freezeWorklist.delete(drop);
    this.spillWorklist.delete(drop);
    this.coalesced.add(drop);
    this.removed.add(drop);
    this.alias.set(drop, keep);
    const joint = this.movesOf.get(keep) ?? new Set();
    for (const move of this.movesOf.get(drop) ?? []) joint.add(move);
    this.movesOf.set(keep, joint);
    this.enableMoves(drop);
    this.costs.set(keep, (this.costs.get(keep) ?? 0) + (this.costs.get(drop) ?? 0));
    for (const other of this.neighbours(drop)) {
      if (this.removed.has(other)) continue;
      this.addEdge(other, keep);
      this.decrementDegree(other);
    }
    if (this.degreeOf(keep) >= ALLOCATABLE && this.freezeWorklist.delete(keep)) this.spillWorklist.add(keep);
  }

  private freeze(register: Register): void {
    this.freezeWorklist.delete(register);
    this.simplifyWorklist.add(register);
    this.freezeMoves(register);
  }

  private freezeMoves(register: Register): void {
    for (const move of [...this.movesNow(register)]) {
      this.activeMoves.delete(move);
      this.worklistMoves.delete(move);
      const to = this.find(move.to);
      const other = to === this.find(register) ? this.find(move.from) : to;
      if (isVirtual(other) && !this.moveRelated(other) && this.degreeOf(other) < ALLOCATABLE) {
        this.freezeWorklist.delete(other);
        this.simplifyWorklist.add(other);
      }
    }
  }

  private selectSpill(): void {
    let best: Register | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const register of this.spillWorklist) {
      const cost = (this.costs.get(register) ?? 0) / this.degreeOf(register);
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

  /** Of the free colours, one that a frozen move's other side has, so that the move vanishes after all. */
  private choose(register: Register, free: ReadonlySet<Register>): Register | undefined {
    for (const move of this.movesOf.get(register) ?? []) {
      const other = this.find(move.to) === register ? this.find(move.from) : this.find(move.to);
      const color = this.colors.get(other);
      if (color !== undefined && free.has(color)) return color;
    }
    const [first] = free;
    return first;
  }

  private assign(): ReadonlySet<Register>[] {
    const spilled: Register[] = [];
    for (let register = this.selectStack.pop(); register !== undefined; register = this.selectStack.pop()) {
      const free = new Set(PREFERENCE);
      for (const other of this.neighbours(register)) {
        const color = this.colors.get(this.find(other));
        if (color !== undefined) free.delete(color);
      }
      const color = this.choose(register, free);
      if (color === undefined) spilled.push(register);
      else this.colors.set(register, color);
    }
    const webs = new Map(spilled.map((register) => [register, new Set([register])]));
    for (const register of this.coalesced) {
      const kept = this.find(register);
      const color = this.colors.get(kept);
      if (color !== undefined) this.colors.set(register, color);
      webs.get(kept)?.add(register);
    }
    return [...webs.values()];
  }

  run(): Coloring {
    this.makeWorklist();
    for (;;) {
      const [simple] = this.simplifyWorklist;
      const [move] = this.worklistMoves;
      const [frozen] = this.freezeWorklist;
      if (simple !== undefined) this.simplify(simple);
      else if (move) this.coalesce(move);
      else if (frozen !== undefined) this.freeze(frozen);
      else if (this.spillWorklist.size > 0) this.selectSpill();
      else break;
    }
    const spilled = this.assign();
    const interfere = (left: Register, right: Register) => this.neighbours(left).has(right);
    return { colors: this.colors, spilled, interfere };
  }
}

/** Colours the interference graph of a function in one round. */
export function color(fn: MachineFunction, cost: SpillCost): Coloring {
  return new Allocator(fn, cost).run();
}
