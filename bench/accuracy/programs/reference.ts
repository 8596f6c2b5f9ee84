/**
 * The layout that natra's sketch is compared with, as a program of its own: a Count-Min Sketch of byte counters, four
 * rows of 32,768 cells of 16 bytes, each halved once for every 2^36 ns that have passed when it is touched. Every
 * packet's bytes are added in all four rows. A flow whose estimate exceeds 100 ms of the cap is heavy and pays a token
 * bucket; mice pass free, up to a budget of four times that a window of 2^27 ns, and pay the bucket beyond it.
 *
 * The flow hash is natra's own, so that the layouts are compared and not the hashes.
 */
import {
  array,
  classifier,
  clock,
  global,
  min,
  settings,
  struct,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u32 as toU32,
  u32,
  u64,
} from '../../../dsl/lang/index.ts';
import { flowHash } from '../../../programs/hash.ts';
import { parse } from '../../../programs/parse.ts';

export const limits = settings(
  struct({
    /** C, in bytes a second scaled by 2^20 over 10^9: bytes a nanosecond. */
    bytesPerNs: u64,
    burst: u64,
    /** Bytes above which a flow is heavy. */
    threshold: u64,
    /** Bytes of mice that pass free in one window. */
    budget: u64,
  }),
);

const COLUMNS = 32_768;
const DECAY_SHIFT = 36n;
const WINDOW_SHIFT = 27n;

export const sketch = global(
  struct({
    bytes: array(u64, 4 * COLUMNS),
    /** Number of the interval in which the cell was last halved; 8 bytes, as alignment makes it. */
    interval: array(u64, 4 * COLUMNS),
  }),
);

export const bucket = global(
  struct({
    tokens: u64,
    refilledAt: u64,
    window: u64,
    mouseBytes: u64,
    /** Whether the last packet was taken for a heavy flow's. */
    heavy: u32,
  }),
);

/** Adds to one cell and gives its count. */
function add(cell: u32, interval: u64, bytes: u64): u64 {
  const elapsed = min(interval - sketch.interval[cell], 63n);
  const count = (sketch.bytes[cell] >> elapsed) + bytes;
  sketch.bytes[cell] = count;
  sketch.interval[cell] = interval;
  return count;
}

function estimate(hash: u64, interval: u64, bytes: u64): u64 {
  const column = COLUMNS - 1;
  const first = add(toU32(hash) & column, interval, bytes);
  const second = add(COLUMNS + ((toU32(hash) >>> 16) & column), interval, bytes);
  const third = add(2 * COLUMNS + (toU32(hash >> 32n) & column), interval, bytes);
  const fourth = add(3 * COLUMNS + (toU32(hash >> 48n) & column), interval, bytes);
  return min(min(first, second), min(third, fourth));
}

function isFree(now: u64, bytes: u64): boolean {
  const window = now >> WINDOW_SHIFT;
  if (bucket.window !== window) {
    bucket.window = window;
    bucket.mouseBytes = 0n;
  }
  bucket.mouseBytes += bytes;
  return bucket.mouseBytes <= limits.budget;
}

function canPay(now: u64, bytes: u64): boolean {
  const earned = (min(now - bucket.refilledAt, 1n << 36n) * limits.bytesPerNs) >> 20n;
  const tokens = min(bucket.tokens + earned, limits.burst);
  bucket.refilledAt = now;
  bucket.tokens = tokens >= bytes ? tokens - bytes : tokens;
  return tokens >= bytes;
}

export const reference = classifier((skb) => {
  const packet = parse(skb);
  const bytes = u64(packet.wireBytes);
  const now = clock.now();
  const heavy =
    estimate(flowHash(packet.addresses, packet.transport), now >> DECAY_SHIFT, bytes) > limits.threshold;
  bucket.heavy = heavy ? 1 : 0;
  if (!heavy && isFree(now, bytes)) return TC_ACT_UNSPEC;
  return canPay(now, bytes) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
});
