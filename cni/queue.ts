/**
 * How much may wait, and how much may pass at once, where an HTB class holds heavy flows. HTB keeps to the rate whatever
 * waits, so here the horizons bound the queue alone, and a burst is what HTB's buckets hold. Times are nanoseconds.
 */
import type { Direction } from './config/bandwidth.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
/** The largest packet, 64 KiB and the headers of its segments: it is admitted, sent or dropped as a whole. */
export const GSO_PACKET_BYTES = 72n * 1024n;

/** What of heavy flows may wait: so many of those packets, and for so long at least. */
interface Room {
  readonly packets: bigint;
  readonly least: bigint;
}

/**
 * With departure times mice pass what has its time already, which adds to the burst; so the queue is short. Shorter still, it
 * would drop what one sender hands over at once.
 */
export const ROOM_OF_FQ: Room = { packets: 4n, least: 1n << 27n };
/**
 * HTB lets no mouse add to the rate, however much waits. A sender keeps three such packets under way as long as its
 * receiver's window is Linux's default: so four of them find room below the last quarter, in which drops begin, and with them what of
 * bbr goes by the burst that passed at first.
 */
const ROOM_OF_HTB: Room = { packets: 20n, least: 1n << 28n };
/**
 * A longer queue only delays; but one packet must fit at any rate. Mice may fill it, too: they do where they alone are too many for
 * the cap, and what is dropped then comes again.
 */
const MOST_HORIZON = 1n << 30n;

/** A bucket with any credit lets a whole packet through: the device's, the mice's and the heavy flows' own. */
const OVERSHOOT_BYTES = 3n * GSO_PACKET_BYTES;
/** What is larger the heavy class cuts: as much as a packet of the largest usual MTU. */
export const WHOLE_BYTES = 16n * 1024n;
/**
 * So much less of a burst is overshot where it is the mice's bucket that adds to it: the last to borrow was a heavy flow, and two
 * of the three packets are its.
 */
const CUT_BYTES = 2n * (GSO_PACKET_BYTES - WHOLE_BYTES);
/** HTB loses the time by which its timer is late, unless its buckets hold more. */
const LEAST_BURST = 1n << 23n;
const DEFAULT_BURST = 1n << 26n;
/** What a flow sends, beyond the drain of its cells, before it turns heavy: so much of the cap, and so many bytes at any. */
const MOUSE_TIME = 1n << 26n;
export const LEAST_HEAVY_BYTES = 16n * 1024n;

export interface QueueBounds {
  /** Bucket of the device, in time at the cap. The program's credit is the same. */
  readonly totalBurst: bigint;
  /** Bucket of the mice, in time at the cap. */
  readonly mouseBurst: bigint;
  /** The same where heavy flows' packets are cut, and overshoot by less: so much that a flow turns heavy before it waits. */
  readonly mouseBurstBesideCut: bigint;
  /** Bucket of the heavy flows' own share, in time at the cap. */
  readonly heavyBurst: bigint;
  /** Delay beyond which the program drops. */
  readonly heavyHorizon: bigint;
  readonly mouseHorizon: bigint;
}

const atLeast = (least: bigint, value: bigint): bigint => (value > least ? value : least);
const atMost = (most: bigint, value: bigint): bigint => (value < most ? value : most);

const timeAt = (bytesPerSecond: bigint, bytes: bigint): bigint =>
  (bytes * NANOSECONDS_PER_SECOND) / bytesPerSecond;

/** How long a heavy flow may wait. */
export function heavyHorizonOf(bytesPerSecond: bigint, { packets, least }: Room): bigint {
  const packet = timeAt(bytesPerSecond, GSO_PACKET_BYTES);
  const wanted = atLeast(least, packets * packet);
  return atLeast(packet, atMost(MOST_HORIZON, wanted));
}

/**
 * Whether what a few senders put under way takes longer than a queue of departure times should be: below 17.6 Mbit/s. There
 * it would be both too short for them and most of the burst.
 */
export const isSlow = (bytesPerSecond: bigint): boolean =>
  heavyHorizonOf(bytesPerSecond, ROOM_OF_FQ) > ROOM_OF_FQ.least;

/** Cutting GSO packets costs the more the higher the rate: up to 200 Mbit/s. */
const MOST_CUT = 25_000_000n;

/** Whether HTB's heavy class cuts GSO packets into their segments, unless flows can take turns by whole ones. */
export const isCut = (bytesPerSecond: bigint): boolean => bytesPerSecond <= MOST_CUT;

/**
 * Whether the queue has room for twice what a few senders put under way, from 88 Mbit/s on: then nothing is lost by taking turns by
 * whole GSO packets, where the kernel has fq.
 */
export const isRoomy = (bytesPerSecond: bigint): boolean =>
  2n * timeAt(bytesPerSecond, ROOM_OF_HTB.packets * GSO_PACKET_BYTES) <= ROOM_OF_HTB.least;

/**
 * Whether HTB's classes are better than departure times: where those have too short a queue, and as long as packets are cut
 * towards the Pod, whose senders don't hear of a drop and need more room the more they are.
 */
export const prefersClasses = (bytesPerSecond: bigint, direction: Direction): boolean =>
  direction === 'ingress' ? isCut(bytesPerSecond) : isSlow(bytesPerSecond);

/**
 * Of a stated burst, what the packets that overshoot leave goes to the mice mostly: it is what they need not wait for,
 * while heavy flows have a queue. A flow that turns heavy while some of it waits among the mice overtakes itself, so their bucket
 * should hold what it has sent by then. It gets no more of what is left by cut packets: what several flows send at once, they
 * keep under way.
 */
export function queueBounds(bytesPerSecond: bigint, burstBytes: bigint | undefined): QueueBounds {
  const horizons = {
    heavyHorizon: heavyHorizonOf(bytesPerSecond, ROOM_OF_HTB),
    mouseHorizon: atLeast(MOST_HORIZON, timeAt(bytesPerSecond, GSO_PACKET_BYTES)),
    heavyBurst: LEAST_BURST / 8n,
  };
  const wanted = atLeast(MOUSE_TIME, timeAt(bytesPerSecond, LEAST_HEAVY_BYTES));
  if (burstBytes === undefined)
    return { ...horizons, totalBurst: DEFAULT_BURST, mouseBurst: wanted, mouseBurstBesideCut: wanted };
  const beyondOvershoot = timeAt(bytesPerSecond, burstBytes - OVERSHOOT_BYTES);
  const totalBurst = atLeast(LEAST_BURST, beyondOvershoot / 4n);
  const mouseBurst = atLeast(LEAST_BURST, beyondOvershoot - totalBurst);
  const besideCut = timeAt(bytesPerSecond, burstBytes - OVERSHOOT_BYTES + CUT_BYTES) - totalBurst;
  return {
    ...horizons,
    totalBurst,
    mouseBurst,
    mouseBurstBesideCut: atLeast(mouseBurst, atMost(wanted, besideCut)),
  };
}

/**
 * Most bytes above the rate in any interval, whether heavy packets are cut or not. Once nothing is lent any more, at most the
 * device's bucket has been used up, and the class that borrowed last has nothing of its own left: only the other one's bucket
 * adds to it.
 */
export function queueBurstBytes(bytesPerSecond: bigint, burstBytes: bigint | undefined): bigint {
  const { totalBurst, mouseBurst, heavyBurst } = queueBounds(bytesPerSecond, burstBytes);
  const time = totalBurst + atLeast(mouseBurst, heavyBurst);
  return (time * bytesPerSecond) / NANOSECONDS_PER_SECOND + OVERSHOOT_BYTES;
}
