/** Room in the fq qdisc that holds packets until their departure time. */
import type { FqOptions } from '../../loader/index.ts';
import { boundsOf } from '../bounds.ts';
import type { Limit } from '../limit.ts';

const FULL_PACKET_BYTES = 1514;
/** net/sched/sch_fq.c, fq_init. */
const DEFAULT_FLOW_LIMIT = 100;
const DEFAULT_LIMIT = 10_000;
/** A cap of 1 P would ask for more packets than there is memory. */
const MOST_PACKETS = 1 << 20;

/**
 * Room for every packet that the program may send on: fq's defaults drop where the program has decided to pace. Small
 * packets may wait for twice a horizon, so a flow may for twice the heavy one, all together for twice the mice's.
 */
export function fqOptions(limit: Limit): FqOptions {
  const { heavyHorizon, mouseHorizon } = boundsOf({ ...limit, pacing: 'edt' });
  const packetsWithin = (horizonNanoseconds: bigint): number => {
    const bits = (limit.rateBitsPerSecond * Number(horizonNanoseconds)) / 1e9;
    return Math.ceil(bits / 8 / FULL_PACKET_BYTES);
  };
  const atLeast = (least: number, wanted: number): number => Math.min(Math.max(least, wanted), MOST_PACKETS);
  return {
    flowLimit: atLeast(DEFAULT_FLOW_LIMIT, 2 * packetsWithin(heavyHorizon)),
    limit: atLeast(DEFAULT_LIMIT, 2 * packetsWithin(mouseHorizon)),
  };
}
