/** Which registers are live at once: the graph that is coloured. */
import { FRAME_POINTER, type Register } from './machine.ts';
import { BitRows } from './rows.ts';

export class InterferenceGraph {
  /** Neighbours of each register in the order in which they were found, and the same as sets. */
  private readonly lists: Register[][];
  private readonly sets: BitRows;
  private readonly known: Uint8Array;
  /** All registers but the frame pointer, in the order in which they were met. */
  readonly registers: Register[] = [];

  /** Of registers below `limit`. */
  constructor(limit: number) {
    this.lists = Array.from({ length: limit }, () => []);
    this.sets = new BitRows(limit, limit);
    this.known = new Uint8Array(limit);
  }

  mention(register: Register): void {
    if (register === FRAME_POINTER || this.known[register] === 1) return;
    this.known[register] = 1;
    this.registers.push(register);
  }

  /** Whether the edge is a new one. */
  add(left: Register, right: Register): boolean {
    if (left === right || left === FRAME_POINTER || right === FRAME_POINTER) return false;
    if (this.sets.has(left, right)) return false;
    this.mention(left);
    this.mention(right);
    this.sets.add(left, right);
    this.sets.add(right, left);
    this.lists[left]?.push(right);
    this.lists[right]?.push(left);
    return true;
  }

  has(left: Register, right: Register): boolean {
    return this.sets.has(left, right);
  }

  /** Takes neighbours off a register's list. They still interfere. */
  retain(register: Register, keep: (other: Register) => boolean): void {
    this.lists[register] = this.neighbours(register).filter(keep);
  }

  neighbours(register: Register): readonly Register[] {
    return this.lists[register] ?? [];
  }
}
