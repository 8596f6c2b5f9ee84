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

  /** Makes a row what a row of another table of the same width is. */
  copy(row: number, from: BitRows, other: number): void {
    const own = row * this.width;
    const theirs = other * this.width;
    for (let word = 0; word < this.width; word++) this.words[own + word] = from.words[theirs + word] ?? 0;
  }

  /** Whether a row has the members of another table's row and no other. */
  equals(row: number, from: BitRows, other: number): boolean {
    const own = row * this.width;
    const theirs = other * this.width;
    for (let word = 0; word < this.width; word++)
      if (this.words[own + word] !== from.words[theirs + word]) return false;
    return true;
  }

  /** Adds the members of another table's row that a third one's doesn't have; whether that changed anything. */
  addAllBut(row: number, from: BitRows, without: BitRows, other: number): boolean {
    let changed = 0;
    const own = row * this.width;
    const theirs = other * this.width;
    for (let word = 0; word < this.width; word++) {
      const added = (from.words[theirs + word] ?? 0) & ~(without.words[theirs + word] ?? 0);
      const before = this.words[own + word] ?? 0;
      const after = before | added;
      this.words[own + word] = after;
      changed |= before ^ after;
    }
    return changed !== 0;
  }

  /** Adds the members of another table's row; whether that changed anything. */
  addAll(row: number, from: BitRows, other: number): boolean {
    let changed = 0;
    const own = row * this.width;
    const theirs = other * this.width;
    for (let word = 0; word < this.width; word++) {
      const before = this.words[own + word] ?? 0;
      const after = before | (from.words[theirs + word] ?? 0);
      this.words[own + word] = after;
      changed |= before ^ after;
    }
    return changed !== 0;
  }

  forEach(row: number, visit: (member: number) => void): void {
    const start = row * this.width;
    for (let word = 0; word < this.width; word++)
      for (let rest = this.words[start + word] ?? 0; rest !== 0; rest &= rest - 1)
        visit(word * 32 + (31 - Math.clz32(rest & -rest)));
  }
}
