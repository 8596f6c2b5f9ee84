/** Sets of small numbers, a row each of one table of bits: registers by block, or neighbours by register. */
export class BitRows {
  private readonly words: Int32Array;
  /** Words of a row. */
  private readonly width: number;

  /** For members below `limit`. */
  constructor(rows: number, limit: number) {
    this.width = (limit + 31) >>> 5;
    this.words = new Int32Array(rows * this.width);
  }

  has(row: number, member: number): boolean {
    return ((this.words[row * this.width + (member >>> 5)] ?? 0) & (1 << (member & 31))) !== 0;
  }

  add(row: number, member: number): void {
    const word = row * this.width + (member >>> 5);
    this.words[word] = (this.words[word] ?? 0) | (1 << (member & 31));
  }

  delete(row: number, member: number): void {
    const word = row * this.width + (member >>> 5);
    this.words[word] = (this.words[word] ?? 0) & ~(1 << (member & 31));
  }
}
