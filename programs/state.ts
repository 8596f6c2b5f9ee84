/** What one direction of one Pod remembers, in `.bss`: about 16 KiB, to stay in the first-level cache. */
import { array, global, struct, u64 } from '../dsl/lang/index.ts';

/** Rows and columns of the sketch. */
export const ROWS = 4;
export const COLUMNS = 512;

export const state = global(
  struct({
    /** Virtual clock of all bytes at C: the bucket is empty when it runs ahead of time. */
    clock: u64,
    /** Virtual clock of mice at 7/8 C, so that a swarm of them leaves heavy flows an eighth. */
    mouseClock: u64,
    /** Last tick (2^24 ns) at which the congestion shift moved. */
    tick: u64,
    /** Congestion shift in 1/256 of a doubling: how much faster cells fill while mice alone fill the cap. */
    shift: u64,
    /** One virtual time a cell; see sketch.ts. */
    cells: array(u64, ROWS * COLUMNS),
  }),
);
