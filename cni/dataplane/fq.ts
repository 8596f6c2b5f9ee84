/** Room in the fq qdisc that holds packets until their departure time. */
import { type FqOptions, LEAST_PACKET_BYTES } from '../../loader/index.ts';
import { boundsOf } from '../bounds.ts';
import { bytesIn, type Limit } from '../limit.ts';

const FULL_PACKET_BYTES = 1514;
/** net/sched/sch_fq.c, fq_init. */
const DEFAULT_FLOW_LIMIT = 100;
const DEFAULT_LIMIT = 10_000;
/** A cap of 1 P would ask for more packets than there is memory. */
const MOST_PACKETS = 1 << 20;
/**
 * Each small packet takes some 800 bytes of the kernel's memory, so many 100 MB, of which nobody's socket is charged with what comes to a
 * Pod. A flow may take three quarters of it: what it sends in 170 ms if that is up to 570,000 packets a second.
 */
const MOST_SMALL_PACKETS = 1 << 17;
const MOST_SMALL_OF_FLOW = (MOST_SMALL_PACKETS / 4) * 3;

/**
 * Room for what the program may send on: fq's defaults drop where the program has decided to pace, and what it drops has been charged.
 * Small packets wait for an eighth more than a horizon, and those of a flow that has more than others for a sixteenth: a flow may for a
 * quarter more than the heavy one, all together for that and the mice's. A stated threshold lets one flow wait as a mouse for all of that.
 */
export function fqOptions(limit: Limit): FqOptions {
  const paced = { ...limit, pacing: 'edt' } as const;
  const { heavyHorizon, mouseHorizon } = boundsOf(paced);
  const packetsWithin = (horizon: bigint, mostSmall: number): number => {
    const bytes = 1.25 * Number(bytesIn(paced, horizon));
    const small = Math.min(mostSmall, bytes / Number(LEAST_PACKET_BYTES));
    const full = Math.min(MOST_PACKETS, bytes / FULL_PACKET_BYTES);
    return Math.ceil(Math.max(small, full));
  };
  const longest = heavyHorizon + mouseHorizon;
  const ofFlow = limit.heavyThresholdBits === undefined ? heavyHorizon : longest;
  return {
    flowLimit: Math.max(DEFAULT_FLOW_LIMIT, packetsWithin(ofFlow, MOST_SMALL_OF_FLOW)),
    limit: Math.max(DEFAULT_LIMIT, packetsWithin(longest, MOST_SMALL_PACKETS)),
  };
}
