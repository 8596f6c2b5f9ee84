/** Packets and bytes by verdict, one copy a CPU. */
import { percpuArrayMap, struct, type u32, u64 } from '../dsl/lang/index.ts';

/** A small flow's packet, sent on at once. */
export const MOUSE = 0;
/** A heavy flow's packet that the bucket could pay for. */
export const PAID = 1;
/** Given a departure time in the future. */
export const PACED = 2;
/** Sent on with ECN CE. */
export const MARKED = 3;
/** Dropped early, by the ramp. */
export const DROPPED_EARLY = 4;
/** Dropped: over the horizon. */
export const DROPPED = 5;
export const VERDICTS = 6;

const Counter = struct({ packets: u64, bytes: u64 });

export const counters = percpuArrayMap({ value: Counter, maxEntries: VERDICTS });

export function count(verdict: u32, bytes: u64): void {
  const counter = counters.lookup(verdict);
  if (counter === undefined) return;
  counter.packets += 1n;
  counter.bytes += bytes;
}
