/** The moves of a function while registers are coalesced: whose they are by now, and which of them may still vanish. */
import { BitSet } from '../ir/bits.ts';
import { JoinedLists } from './joined-lists.ts';
import type { MachineInstruction, Register } from './machine.ts';
import { Worklist } from './worklist.ts';

export type Move = Extract<MachineInstruction, { op: 'move' }>;
/** A move, by its place in the list that it came in. */
export type MoveNumber = number;

/** The ends of a move have numbers as well: twice the move's for `to`, and one more for `from`. */
const moveOf = (end: number): MoveNumber => end >> 1;

/** A move waits to be looked at, is active (not yet fit to be coalesced), or is settled for good: coalesced or given up. */
export class Moves {
  private readonly waiting: Worklist;
  private readonly active: BitSet;
  /** By register, how many ends of active moves are its own. */
  private readonly activeEnds: Int32Array;
  /** By register, its ends; and those of moves that aren't settled, with some that are. */
  private readonly endsOf: JoinedLists;
  private readonly openEndsOf: JoinedLists;
  /** What a register was coalesced into, or something on the way there; itself where it wasn't. */
  private readonly alias: Int32Array;

  /** Of registers below `limit`. All of them wait. */
  constructor(
    limit: number,
    private readonly moves: readonly Move[],
  ) {
    this.waiting = new Worklist(moves.length);
    this.active = new BitSet(moves.length);
    this.activeEnds = new Int32Array(limit);
    this.endsOf = new JoinedLists(limit, 2 * moves.length);
    this.openEndsOf = new JoinedLists(limit, 2 * moves.length);
    this.alias = new Int32Array(limit);
    for (let register = 0; register < limit; register++) this.alias[register] = register;
    for (const [move, { to, from }] of moves.entries()) {
      this.waiting.add(move);
      for (const lists of [this.endsOf, this.openEndsOf]) {
        lists.push(to, 2 * move);
        lists.push(from, 2 * move + 1);
      }
    }
  }

  /** What a register was coalesced into. */
  find(register: Register): Register {
    let found = register;
    for (let next = this.alias[found]; next !== undefined && next !== found; next = this.alias[found]) {
      // Halves the way for the next time.
      this.alias[found] = this.alias[next] ?? next;
      found = next;
    }
    return found;
  }

  /** The ends of a move as they are now. */
  ends(number: MoveNumber): { readonly to: Register; readonly from: Register } {
    const move = this.moves[number];
    if (move === undefined) throw new Error(`there is no move ${number}`);
    return { to: this.find(move.to), from: this.find(move.from) };
  }

  /** The move that waits longest. */
  first(): MoveNumber | undefined {
    return this.waiting.first();
  }

  /** Settles a move that waits; `activate` takes that back. */
  take(move: MoveNumber): void {
    this.waiting.delete(move);
  }

  activate(move: MoveNumber): void {
    this.active.add(move);
    this.countActive(move, 1);
  }

  private deactivate(move: MoveNumber): void {
    this.active.delete(move);
    this.countActive(move, -1);
  }

  private countActive(move: MoveNumber, change: number): void {
    const { to, from } = this.ends(move);
    this.activeEnds[to] = (this.activeEnds[to] ?? 0) + change;
    this.activeEnds[from] = (this.activeEnds[from] ?? 0) + change;
  }

  private readonly isOpen = (end: number): boolean =>
    this.active.has(moveOf(end)) || this.waiting.has(moveOf(end));

  /** Whether a register has moves that aren't settled. */
  isRelated(register: Register): boolean {
    return this.openEndsOf.first(register, this.isOpen) !== undefined;
  }

  /** The moves of a register, settled ones too; some come twice. */
  of(register: Register): readonly MoveNumber[] {
    return this.endsOf.kept(register).map(moveOf);
  }

  /** Lets the active moves of a register wait again. */
  enable(register: Register): void {
    // Of the moves of a register that is long in use most are settled, and this is asked for each of its neighbours.
    if (this.activeEnds[register] === 0) return;
    for (const move of this.openEndsOf.kept(register, this.isOpen).map(moveOf)) {
      if (!this.active.has(move)) continue;
      this.deactivate(move);
      this.waiting.add(move);
    }
  }

  /** Settles all moves of a register; `settled` is called behind each. */
  giveUp(register: Register, settled: (move: MoveNumber) => void): void {
    for (const move of this.openEndsOf.kept(register, this.isOpen).map(moveOf)) {
      if (this.active.has(move)) this.deactivate(move);
      this.waiting.delete(move);
      settled(move);
    }
  }

  /** `drop` is `keep` from now on. Its active moves wait. */
  join(keep: Register, drop: Register): void {
    this.enable(drop);
    this.alias[drop] = keep;
    this.endsOf.join(keep, drop);
    this.openEndsOf.join(keep, drop);
  }
}
