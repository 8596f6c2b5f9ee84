/** Discrete events in virtual time: a binary heap keyed by time, first come first served at equal times. */

export type Nanoseconds = number;

interface Event {
  readonly at: Nanoseconds;
  readonly order: number;
  readonly run: () => void;
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Schedule {
  #now: Nanoseconds;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(start: Nanoseconds) {
    this.#now = start;
  }

  get now(): Nanoseconds {
    return this.#now;
  }

  /** Runs `run` at `at`; a time that has passed means now. */
  at(at: Nanoseconds, run: () => void): void {
    this.#push({ at: Math.max(at, this.#now), order: this.#order++, run });
  }

  after(delay: Nanoseconds, run: () => void): void {
    this.at(this.#now + delay, run);
  }

  /** Runs events until none is left or the next lies beyond `end`. */
  runUntil(end: Nanoseconds): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const leftEvent = heap[left];
      if (leftEvent === undefined) break;
      const rightEvent = heap[right];
      const [child, event] =
        rightEvent !== undefined && before(rightEvent, leftEvent) ? [right, rightEvent] : [left, leftEvent];
      if (!before(event, last)) break;
      heap[at] = event;
      at = child;
    }
    heap[at] = last;
  }
}
