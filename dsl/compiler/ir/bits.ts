/** Sets of small numbers, for liveness over registers. */
export class BitSet {
  /** Signed, so that V8 keeps them unboxed: typed arrays of this size lie outside of its heap and take long to make. */
  private readonly words: number[];

  constructor(size: number, words?: number[]) {
    this.words = words ?? new Array<number>((size + 31) >>> 5).fill(0);
  }

  has(member: number): boolean {
    return ((this.words[member >>> 5] ?? 0) & (1 << (member & 31))) !== 0;
  }

  add(member: number): void {
    const word = member >>> 5;
    this.words[word] = (this.words[word] ?? 0) | (1 << (member & 31));
  }

  delete(member: number): void {
    const word = member >>> 5;
    this.words[word] = (this.words[word] ?? 0) & ~(1 << (member & 31));
  }

  copy(): BitSet {
    return new BitSet(0, this.words.slice());
  }

  /** Adds every member of another set of the same size; whether that changed anything. */
  addAll(other: BitSet): boolean {
    let changed = false;
    for (let word = 0; word < this.words.length; word++) {
      const before = this.words[word] ?? 0;
      const after = before | (other.words[word] ?? 0);
      if (after !== before) {
        this.words[word] = after;
        changed = true;
      }
    }
    return changed;
  }

  /** Adds the members of `other` that aren't in `without`, a short list; whether that changed anything. */
  addAllBut(other: BitSet, without: readonly number[]): boolean {
    const left = without.filter((member) => !this.has(member));
    for (const member of left) this.add(member);
    const changed = this.addAll(other);
    for (const member of left) this.delete(member);
    return changed;
  }

  forEach(visit: (member: number) => void): void {
    for (let word = 0; word < this.words.length; word++)
      for (let rest = this.words[word] ?? 0; rest !== 0; rest &= rest - 1)
        visit(word * 32 + (31 - Math.clz32(rest & -rest)));
  }
}
