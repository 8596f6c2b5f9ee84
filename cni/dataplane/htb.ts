/** Rates, buckets and room of the HTB qdisc whose classes the kernel program selects. */
import type { HtbOptions } from '../../loader/index.ts';
import { burstBytesOf, bytesPerSecondOf, type Limit, miceScales } from '../limit.ts';
import { isCut, isRoomy, queueBounds, WHOLE_BYTES } from '../queue.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
/** The largest GSO packets, which the program admits as a whole. */
const SLACK_BYTES = 128n * 1024n;

const bigMax = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * Both queues have room for all that the program lets wait (small packets to twice a horizon), so that it is the
 * program that drops, and counts what it drops.
 */
export function htbOptions(limit: Limit): HtbOptions {
  const rate = bytesPerSecondOf(limit);
  const { totalBurst, mouseBurst, mouseBurstBesideCut, heavyBurst, mouseHorizon, heavyHorizon } = queueBounds(
    rate,
    burstBytesOf(limit),
  );
  const atOwnRate = (ownRate: bigint, burst: bigint): bigint => (burst * rate) / ownRate;
  const queueOf = (ownRate: bigint, burst: bigint, horizon: bigint) => ({
    rateBytesPerSecond: ownRate,
    burstNanoseconds: atOwnRate(ownRate, burst),
    limitBytes: (2n * horizon * rate) / NANOSECONDS_PER_SECOND + SLACK_BYTES,
  });
  // What is the heavy flows' whatever the mice send, as the program's clocks have it (programs/bucket.ts).
  const heavyRate = bigMax(1n, (rate * (1024n - miceScales(limit).share)) / 1024n);
  const mouseRate = rate - heavyRate;
  return {
    rateBytesPerSecond: rate,
    burstNanoseconds: totalBurst,
    mice: {
      ...queueOf(mouseRate, mouseBurst, mouseHorizon),
      burstBesideCutNanoseconds: atOwnRate(mouseRate, mouseBurstBesideCut),
    },
    heavy: {
      ...queueOf(heavyRate, heavyBurst, heavyHorizon),
      ...(isCut(rate) && { wholeBytes: Number(WHOLE_BYTES), keepsWhole: isRoomy(rate) }),
    },
  };
}
