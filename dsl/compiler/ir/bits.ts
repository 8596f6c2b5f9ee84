/** Sets of small numbers. */
export class BitSet {
  /** Signed, so that V8 keeps them unboxed: typed arrays of this size lie outside of its heap and take long to make. */
  private readonly words: number[];

  constructor(size: number) {
    this.words = new Array<number>((size + 31) >>> 5).fill(0);
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
}
