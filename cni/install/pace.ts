/**
 * How soon a file may be written again. A main plugin that rewrites its own file now and then gets natra back at
 * once; another writer that takes natra out each time is answered ever more slowly.
 */

const SOON = 1_000;
const SLOWEST = 300_000;
/** After this long without a write the next one is free again. */
const QUIET = 600_000;

export class Pace {
  private wait = 0;
  private last = Number.NEGATIVE_INFINITY;

  /** Milliseconds from `now` until the next write is due; 0 when it is. */
  delay(now: number): number {
    if (now - this.last >= QUIET) this.wait = 0;
    return Math.max(0, this.last + this.wait - now);
  }

  /** A write was made. */
  wrote(now: number): void {
    this.delay(now);
    this.last = now;
    this.wait = Math.min(Math.max(2 * this.wait, SOON), SLOWEST);
  }
}
