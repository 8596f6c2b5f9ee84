/**
 * How far a direction may run ahead of its rate: credit, horizons, and the burst that they add up to. Times are
 * nanoseconds.
 */
import { burstBytesOf, bytesIn, bytesPerSecondOf, miceScales, type PacedLimit, timeOf } from './limit.ts';
import { GSO_PACKET_BYTES, heavyHorizonOf, queueBounds, queueBurstBytes, ROOM_OF_FQ } from './queue.ts';

export interface Bounds {
  readonly credit: bigint;
  readonly heavyHorizon: bigint;
  readonly mouseHorizon: bigint;
  /** How much later than due the packets of a heavy flow leave at most, so that others have their turn. */
  readonly mostLate: bigint;
}

/** A policer needs 200 ms between an idle bucket and a drop, or the goodput of TCP with GSO packets collapses. */
const POLICED: Bounds = { credit: 5n << 25n, heavyHorizon: 3n << 24n, mouseHorizon: 3n << 24n, mostLate: 0n };

/**
 * With departure times the queue does that work. What TCP sends at once while there is credit is what it then keeps under
 * way, and in slow start twice that, so the horizon is several times the credit: the queue takes it in.
 */
const PACED = { credit: 1n << 25n, mouseHorizon: 1n << 30n } as const;
/** Credit at any rate: three requests of 10 kB pass at once. */
const LEAST_PACED_CREDIT_BYTES = 32n * 1024n;

/** A flow that is late is never so by more than what small packets may wait longer, half of that. */
const latestOf = (heavyHorizon: bigint): bigint => heavyHorizon / 16n;

/** How far the time of a mouse's packet may lag (programs/time.ts): a tick at CONFIG_HZ=100. */
const TICK = 10_000_000n;
/**
 * Most credit of the mice's own clock, which runs at their share of the rate: they pass at once beside a heavy flow that has used up
 * the bucket's. It comes on top of that, so it must not grow with it.
 */
const MOUSE_CREDIT = 1n << 26n;
/** Neighbours are resolved whatever the debt of others: this much more than they can run up, and 4 KiB at any rate. */
const VITAL_ROOM = { time: 1n << 26n, bytes: 4096n } as const;
/** A GSO packet is admitted as a whole: it has up to 45 segments of 1,448 bytes. */
const LEAST_PACKET_CREDIT = 64n;

const bigMin = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const bigMax = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Unused time that mice keep for themselves where the bucket keeps `credit`. */
export const mouseCreditOf = (credit: bigint): bigint => bigMin(credit, MOUSE_CREDIT);

/** The horizon of small packets (programs/limit.ts). */
const smallHorizonOf = (horizon: bigint): bigint => horizon + horizon / 8n;

/** What passes at the mice's own clock in that time, in time at the cap. */
const ofMice = (limit: PacedLimit, time: bigint): bigint => (time << 10n) / miceScales(limit).stretch;

/** What mice may use up at their own clock: credit, and by how much the time lags that their first packet then is given. */
const creditOfMice = (limit: PacedLimit, credit: bigint): bigint =>
  ofMice(limit, mouseCreditOf(credit) + TICK);

/**
 * Most that passes above the rate, in time at the cap. Heavy flows use up the credit, and a policer lets them go into
 * debt to their horizon; then the mice may do the same at their own clock.
 */
function policedBurst(limit: PacedLimit, { credit, heavyHorizon, mouseHorizon }: Bounds): bigint {
  const mice = creditOfMice(limit, credit) + ofMice(limit, smallHorizonOf(mouseHorizon));
  return credit + smallHorizonOf(heavyHorizon) + mice + TICK;
}

/**
 * What a queue of departure times adds to it: what heavy flows owe leaves at the rate, but all of it may have been admitted before
 * the first of the mice that then pass beside it; and what is late leaves beside what is due by then.
 */
const burstOfQueue = (
  limit: PacedLimit,
  { heavyHorizon, mostLate }: Pick<Bounds, 'heavyHorizon' | 'mostLate'>,
): bigint => ofMice(limit, smallHorizonOf(heavyHorizon)) + mostLate + TICK;

const pacedBurst = (limit: PacedLimit, bounds: Bounds): bigint =>
  bounds.credit + creditOfMice(limit, bounds.credit) + burstOfQueue(limit, bounds);

/** The credit of a burst of which its use by heavy flows and then by mice may take `most`. */
function creditIn(limit: PacedLimit, most: bigint): bigint {
  const rest = most - ofMice(limit, TICK);
  const beyondMice = rest - ofMice(limit, MOUSE_CREDIT);
  const { stretch } = miceScales(limit);
  return bigMax(0n, beyondMice > MOUSE_CREDIT ? beyondMice : (rest * stretch) / (stretch + 1024n));
}

/** What rounding may add to the parts of a burst. */
const ROUNDING = 3n;

/** The bounds of which `policedBurst` is `burst`: a sixteenth of it is debt, and credit is what that leaves. */
function splitBurst(limit: PacedLimit, burst: bigint): Bounds {
  const horizon = burst / 16n;
  const small = smallHorizonOf(horizon);
  const rest = burst - ROUNDING - TICK - small - ofMice(limit, small);
  return { credit: creditIn(limit, rest), heavyHorizon: horizon, mouseHorizon: horizon, mostLate: 0n };
}

/** A stated burst is what the horizon leaves for credit; one that leaves none gets what a few requests need. */
function pacedBounds(limit: PacedLimit, burst: bigint | undefined): Bounds {
  const heavyHorizon = heavyHorizonOf(bytesPerSecondOf(limit), ROOM_OF_FQ);
  const mostLate = latestOf(heavyHorizon);
  const least = timeOf(limit, LEAST_PACED_CREDIT_BYTES);
  const rest = (burst ?? 0n) - ROUNDING - burstOfQueue(limit, { heavyHorizon, mostLate });
  const credit = bigMax(least, burst === undefined ? PACED.credit : creditIn(limit, rest));
  return { mouseHorizon: mouseHorizonOf(limit, heavyHorizon), credit, heavyHorizon, mostLate };
}

/**
 * A heavy flow waits for what is not the mice's share of a queue that is all mice's: not so long that three quarters of its horizon
 * are gone by that.
 */
function mouseHorizonOf(limit: PacedLimit, heavyHorizon: bigint): bigint {
  const { share } = miceScales(limit);
  return bigMin(PACED.mouseHorizon, (((3n * heavyHorizon) / 4n) << 10n) / (1024n - share));
}

/** A GSO packet is admitted or dropped as a whole, so credit or horizon covers the largest, whatever the burst. */
export function boundsOf(limit: PacedLimit): Bounds {
  if (limit.pacing === 'queue') return queueBoundsOf(limit);
  const stated = burstBytesOf(limit);
  const burst = stated === undefined ? undefined : timeOf(limit, stated);
  if (limit.pacing === 'edt') return pacedBounds(limit, burst);
  const bounds = burst === undefined ? POLICED : splitBurst(limit, burst);
  return { ...bounds, credit: bigMax(bounds.credit, timeOf(limit, GSO_PACKET_BYTES)) };
}

function queueBoundsOf(limit: PacedLimit): Bounds {
  const bounds = queueBounds(bytesPerSecondOf(limit), burstBytesOf(limit));
  const { totalBurst: credit, heavyHorizon, mouseHorizon } = bounds;
  return { credit, heavyHorizon, mouseHorizon, mostLate: 0n };
}

/** Room for ARP and neighbour discovery alone, whatever the debt of others. */
export const vitalRoomOf = (limit: PacedLimit): bigint =>
  bigMax(VITAL_ROOM.time, timeOf(limit, VITAL_ROOM.bytes));

/** Debt beyond which even ARP and neighbour discovery are dropped: further than others, small packets too, can bring it. */
export function vitalHorizonOf(limit: PacedLimit, { heavyHorizon, mouseHorizon }: Bounds): bigint {
  return 2n * bigMax(heavyHorizon, mouseHorizon) + vitalRoomOf(limit);
}

/** Credit of the packet-rate cap, ns. */
export const packetCreditOf = ({ packetsPerSecond = 1 }: PacedLimit, { credit }: Bounds): bigint =>
  bigMax(credit, (LEAST_PACKET_CREDIT * 1_000_000_000n) / BigInt(packetsPerSecond));

/**
 * Most bytes that pass above the rate over any interval, the timer's tick (at most 10 ms) included. ARP and
 * neighbour discovery are charged, but not counted here: see `vitalBurstBytes`.
 */
export function burstBytes(limit: PacedLimit): number {
  if (limit.pacing === 'queue') return Number(queueBurstBytes(bytesPerSecondOf(limit), burstBytesOf(limit)));
  const bounds = boundsOf(limit);
  const burstOf = limit.pacing === 'police' ? policedBurst : pacedBurst;
  return Number(bytesIn(limit, burstOf(limit, bounds)));
}

/** Most bytes that are admitted above the rate over any interval, ARP and neighbour discovery included. */
export function vitalBurstBytes(limit: PacedLimit): number {
  const bounds = boundsOf(limit);
  return Number(bytesIn(limit, bounds.credit + 2n * vitalHorizonOf(limit, bounds) + TICK));
}

/** Most packets that are admitted above the packet-rate cap over any interval. */
export function packetBurst(limit: PacedLimit): number {
  const bounds = boundsOf(limit);
  const debt = smallHorizonOf(bigMax(bounds.heavyHorizon, bounds.mouseHorizon));
  const time = packetCreditOf(limit, bounds) + debt + TICK;
  return Number((time * BigInt(limit.packetsPerSecond ?? 0)) / 1_000_000_000n) + 1;
}
