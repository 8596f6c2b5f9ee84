/** Room in the fq qdisc that holds packets until their departure time. */
import { type FqOptions, LEAST_PACKET_BYTES } from '../../loader/index.ts';
import { boundsOf } from '../bounds.ts';
import { bytesIn, type Limit } from '../limit.ts';

const FULL_PACKET_BYTES = 1514;
/** net/sched/sch_fq.c, fq_init. */
const DEFAULT_LIMIT = 10_000;
/** A cap of 1 P would ask for more packets than there is memory. */
const MOST_PACKETS = 1 << 20;
/**
 * A small packet takes 832 bytes of the kernel's memory (`truesize`), so many 109 MB, of which nobody's socket is charged with what comes to
 * a Pod. At 1 Gbit/s a flow of packets below some 180 bytes is cut short by it.
 */
const MOST_SMALL_PACKETS = 1 << 17;

/**
 * Room for what the program may send on: fq's defaults drop where the program has decided to pace, and what it drops has been charged.
 * Small packets wait for an eighth more than a horizon, and those of a flow that has more than others for a sixteenth: all together for
 * no longer than a quarter more than the heavy flows' and the mice's. Any flow may have most of that, but an eighth is others'.
 */
export function fqOptions(limit: Limit): FqOptions {
  const paced = { ...limit, pacing: 'edt' } as const;
  const { heavyHorizon, mouseHorizon } = boundsOf(paced);
  const bytes = 1.25 * Number(bytesIn(paced, heavyHorizon + mouseHorizon));
  const small = Math.min(MOST_SMALL_PACKETS, bytes / Number(LEAST_PACKET_BYTES));
  const full = Math.min(MOST_PACKETS, bytes / FULL_PACKET_BYTES);
  const packets = Math.ceil(Math.max(DEFAULT_LIMIT, small, full));
  return { limit: packets, flowLimit: packets - (packets >> 3) };
}
