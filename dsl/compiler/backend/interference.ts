/** Which registers are live at once: the graph that is coloured. */
import { BitSet } from '../ir/bits.ts';
import { FRAME_POINTER, type Register } from './machine.ts';

export class InterferenceGraph {
  /** Neighbours of each register in the order in which they were found, and the same as sets. */
  private readonly lists: Register[][];
  private readonly sets: BitSet[];
  private readonly known: BitSet;
  /** All registers but the frame pointer, in the order in which they were met. */
  readonly registers: Register[] = [];

  /** Of registers below `limit`. */
  constructor(limit: number) {
    this.lists = Array.from({ length: limit }, () => []);
    this.sets = Array.from({ length: limit }, () => new BitSet(limit));
    this.known = new BitSet(limit);
  }

  mention(register: Register): void {
    if (register === FRAME_POINTER || this.known.has(register)) return;
    this.known.add(register);
    this.registers.push(register);
  }

  /** Whether the edge is a new one. */
  add(left: Register, right: Register): boolean {
    if (left === right || left === FRAME_POINTER || right === FRAME_POINTER) return false;
    const neighbours = this.sets[left];
    if (neighbours === undefined || neighbours.has(right)) return false;
    this.mention(left);
    this.mention(right);
    neighbours.add(right);
    this.sets[right]?.add(left);
    this.lists[left]?.push(right);
    this.lists[right]?.push(left);
    return true;
  }

  has(left: Register, right: Register): boolean {
    return this.sets[left]?.has(right) === true;
  }

  neighbours(register: Register): readonly Register[] {
    return this.lists[register] ?? [];
  }
}
