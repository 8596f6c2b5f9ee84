/** Packets and bytes by verdict, and how long packets wait; one copy a CPU. */
import { type i64, percpuArrayMap, range, struct, u32, u64 } from '../dsl/lang/index.ts';
import { lesser } from './branchless.ts';
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
const BUCKET_SHIFT: i64 = 10n;

/** Packets by the logarithm of how long they wait: bucket n is from 2^(n + 10) ns to less than twice that; 0 from 0. */
export const delays = percpuArrayMap({ value: struct({ packets: u64 }), maxEntries: BUCKETS });

/** The logarithm of each number below 16, in two bits. */
const LOGARITHMS = 0xffff_aa50n;

/**
 * Logarithm to the base 2 of what fits 32 bits, rounded down; 0 of 0. No branches: the verifier would follow both sides
 * of each; nor a mask of a sign, with which it does the same (maybe_fork_scalars).
 */
function logarithm(value: u64): u32 {
  let x = value;
  let sum: u64 = 0n;
  for (const i of range(3)) {
    const step: u64 = 16n >> u64(i);
    const by: u64 = (((1n << step) - 1n - x) >> 63n) << (4n - u64(i));
    x >>= by;
    sum += by;
  }
  return u32(sum + ((LOGARITHMS >> (x << 1n)) & 3n));
}

export function countDelay(delay: i64): void {
  const counter = delays.lookup(logarithm(u64(lesser(delay >> BUCKET_SHIFT, 0xffffffffn))));
  if (counter !== undefined) counter.packets += 1n;
}
