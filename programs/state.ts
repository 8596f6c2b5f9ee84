/** What one direction of one Pod remembers, in `.bss`: 64 bytes that every packet touches, the sketch's 4 KiB, and 2 KiB that
 * only flows with departure times touch. With the heaviest flows (flows.ts) and the head of its map (some 300 bytes) the
 * section is below the 8 KiB that the kernel then allocates for it. */
import { array, global, struct, u64 } from '../dsl/lang/index.ts';

/** Rows and columns of the sketch. */
export const ROWS = 4;
export const COLUMNS = 128;
/** Columns of the rows, as many, that remember departure times. */
export const DEPARTURE_COLUMNS = 64;

/** A virtual clock, ns: the time at which everything admitted so far will have been sent at its rate. */
export const Clock = struct({ time: u64 });

export const state = global(
  struct({
    /** Of all bytes at C: the bucket is empty when it runs ahead of time. */
    clock: Clock,
    /** Virtual clock of mice at their share of C, so that a swarm of them leaves heavy flows the rest. */
    mouseClock: u64,
    /** Last tick (2^24 ns) at which the congestion shift moved. */
    tick: u64,
    /** Congestion shift in 1/256 of a doubling: how much faster cells fill while mice alone fill the cap. */
    shift: u64,
    /** Always 0, which the verifier can't know; see forget.ts. */
    zero: u64,
    /** When the exact clock was read last, ns, and that exclusive or with the tick in which it was; see time.ts. */
    time: u64,
    timeCheck: u64,
    /** The latest departure time of all; see departures.ts. */
    lastDeparture: u64,
    /** One virtual time a cell; see sketch.ts. */
    cells: array(u64, ROWS * COLUMNS),
    /** Those of flows. */
    departures: array(u64, ROWS * DEPARTURE_COLUMNS),
    /** The share of C that heavy packets' flows have, on the average; 2^-16. See lateness.ts. */
    meanShare: u64,
    /** Of all packets at the packet-rate cap. */
    packetClock: Clock,
  }),
);
