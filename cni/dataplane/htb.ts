/** Rates, buckets and room of the HTB qdisc whose classes the kernel program selects. */
import type { HtbOptions } from '../../loader/index.ts';
import type { Limit } from '../config/bandwidth.ts';
import { queueBounds } from '../queue.ts';
import { burstBytesOf, bytesPerSecondOf } from '../settings.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
/** The largest GSO packets, which the program admits as a whole. */
const SLACK_BYTES = 128n * 1024n;
/** What is the heavy flows' whatever the mice send: an eighth, as the program's clocks have it (programs/bucket.ts). */
const HEAVY_SHARE = 8n;

/**
 * Both queues have room for all that the program lets wait (small packets to twice a horizon), so that it is the
 * program that drops, and counts what it drops.
 */
export function htbOptions(limit: Limit): HtbOptions {
  const rate = bytesPerSecondOf(limit);
  const { totalBurst, mouseBurst, heavyBurst, mouseHorizon, heavyHorizon } = queueBounds(
    rate,
    burstBytesOf(limit),
  );
  const queueOf = (ownRate: bigint, burst: bigint, horizon: bigint) => ({
    rateBytesPerSecond: ownRate,
    burstNanoseconds: (burst * rate) / ownRate,
    limitBytes: (2n * horizon * rate) / NANOSECONDS_PER_SECOND + SLACK_BYTES,
  });
  const heavyRate = rate / HEAVY_SHARE;
  return {
    rateBytesPerSecond: rate,
    burstNanoseconds: totalBurst,
    mice: queueOf(rate - heavyRate, mouseBurst, mouseHorizon),
    heavy: queueOf(heavyRate, heavyBurst, heavyHorizon),
  };
}
