/** Packets and bytes by verdict, and how long packets wait; one copy a CPU. */
import { type i64, min, percpuArrayMap, range, i64 as signed, struct, u32, u64 } from '../dsl/lang/index.ts';
import { VERDICTS } from './verdicts.ts';

const Counter = struct({ packets: u64, bytes: u64 });

export const counters = percpuArrayMap({ value: Counter, maxEntries: VERDICTS });

export function count(verdict: u32, bytes: u64): void {
  const counter = counters.lookup(verdict);
  if (counter === undefined) return;
  counter.packets += 1n;
  counter.bytes += bytes;
}

/** Powers of two of 1,024 ns: the last is from 2^41 ns on. */
const BUCKETS = 32;
const BUCKET_SHIFT = 10n;

/** Packets by the logarithm of how long they wait: bucket n is from 2^(n + 10) ns to less than twice that; 0 from 0. */
export const delays = percpuArrayMap({ value: struct({ packets: u64 }), maxEntries: BUCKETS });

/** 2^`step` where x has bits from there on, else 0. Without a branch, of which the verifier would follow both sides. */
const stepOf = (x: i64, step: i64): i64 => ((signed(1n << step) - 1n - x) >> 63n) & step;

/** Logarithm to the base 2 of what fits 32 bits, rounded down; 0 of 0. */
function logarithm(value: i64): u32 {
  let x = value;
  let sum: i64 = 0n;
  for (const i of range(5)) {
    const by = stepOf(x, signed(16n >> u64(i)));
    x >>= by;
    sum += by;
  }
  return u32(sum);
}

export function countDelay(delay: i64): void {
  const counter = delays.lookup(logarithm(signed(min(u64(delay) >> BUCKET_SHIFT, 0xffffffffn))));
  if (counter !== undefined) counter.packets += 1n;
}
