/** Rates, bursts and room of the HTB qdisc whose classes the kernel program selects. */
import type { HtbOptions } from '../../loader/index.ts';
import type { Limit } from '../config/bandwidth.ts';
import { dataplaneSettings } from '../settings.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
/** The largest GSO packets, which the program admits as a whole. */
const SLACK_BYTES = 128n * 1024n;
/** Of the cap, what is the heavy flows' whatever the mice send: as the program's clocks have it (programs/bucket.ts). */
const HEAVY_SHARE = 8n;
/** Enough for a timer that is late. */
const HEAVY_BURST = 1n << 23n;

/**
 * Both queues have room for all that the program lets wait (small packets to twice a horizon), so that it is the
 * program that drops, and counts what it drops.
 */
export function htbOptions(limit: Limit): HtbOptions {
  const settings = dataplaneSettings({ ...limit, pacing: 'queue' });
  const rate = BigInt(Math.round(limit.rateBitsPerSecond)) / 8n;
  const heavyRate = rate / HEAVY_SHARE;
  const mouseRate = rate - heavyRate;
  const roomFor = (horizon: bigint): bigint => (2n * horizon * rate) / NANOSECONDS_PER_SECOND + SLACK_BYTES;
  const credit = BigInt(settings.credit ?? 0);
  return {
    rateBytesPerSecond: rate,
    burstNanoseconds: credit,
    mice: {
      rateBytesPerSecond: mouseRate,
      burstNanoseconds: (credit * rate) / mouseRate,
      limitBytes: roomFor(BigInt(settings.mouseHorizon ?? 0)),
    },
    heavy: {
      rateBytesPerSecond: heavyRate,
      burstNanoseconds: HEAVY_BURST,
      limitBytes: roomFor(BigInt(settings.heavyHorizon ?? 0)),
    },
  };
}
