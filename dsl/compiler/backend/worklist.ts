/** Work lists of small numbers, such as registers. */

/** Numbers in the order in which they were added, each once: what a `Set` is, without a search for its first member. */
export class Worklist {
  private readonly queue: number[] = [];
  /** By member, where it stands in the queue, from 1 on; 0 of what isn't on the list. */
  private readonly places: Uint32Array;
  private head = 0;

  /** For members below `limit`. */
  constructor(limit: number) {
    this.places = new Uint32Array(limit);
  }

  has(member: number): boolean {
    return this.places[member] !== 0;
  }

  add(member: number): void {
    if (!this.has(member)) this.places[member] = this.queue.push(member);
  }

  /** Whether it was on the list. */
  delete(member: number): boolean {
    const was = this.has(member);
    this.places[member] = 0;
    return was;
  }

  /** The member that was added first. */
  first(): number | undefined {
    for (; this.head < this.queue.length; this.head++) {
      const member = this.queue[this.head];
      if (member !== undefined && this.places[member] === this.head + 1) return member;
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (let at = this.head; at < this.queue.length; at++) {
      const member = this.queue[at];
      if (member !== undefined && this.places[member] === at + 1) yield member;
    }
  }
}
