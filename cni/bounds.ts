/**
 * How far a direction may run ahead of its rate: credit, horizons, and the burst that they add up to. Times are
 * nanoseconds.
 */
import { burstBytesOf, bytesIn, bytesPerSecondOf, miceScales, type PacedLimit, timeOf } from './limit.ts';
import { GSO_PACKET_BYTES, queueBounds, queueBurstBytes } from './queue.ts';

export interface Bounds {
  readonly credit: bigint;
  readonly heavyHorizon: bigint;
  readonly mouseHorizon: bigint;
}

/**
 * By pacing. A policer needs 200 ms between an idle bucket and a drop, or the goodput of TCP with GSO packets collapses;
 * with departure times or classes the queue does that work.
 */
const BOUNDS = {
  edt: { credit: 1n << 26n, heavyHorizon: 1n << 26n, mouseHorizon: 1n << 30n },
  police: { credit: 5n << 25n, heavyHorizon: 3n << 24n, mouseHorizon: 3n << 24n },
} as const;

/** The coarse clock's tick at CONFIG_HZ=100. */
const TICK = 10_000_000n;
/** Credit of the mice's own clock (programs/bucket.ts), which runs at their share of the rate. */
const MOUSE_CREDIT = 1n << 26n;
/** Neighbours are resolved whatever the debt of others: this much more than they can run up, and 4 KiB at any rate. */
const VITAL_ROOM = { time: 1n << 26n, bytes: 4096n } as const;
/** A GSO packet is admitted as a whole: it has up to 45 segments of 1,448 bytes. */
const LEAST_PACKET_CREDIT = 64n;

const bigMin = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const bigMax = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * Most that a policer lets pass above the rate, in time at the cap. Heavy flows use up the credit and go into debt to
 * their horizon, small packets to twice that; then the mice may do the same at their own clock.
 */
function policedBurst(limit: PacedLimit, { credit, heavyHorizon, mouseHorizon }: Bounds): bigint {
  const mice = bigMin(credit, MOUSE_CREDIT) + 2n * mouseHorizon;
  return credit + 2n * heavyHorizon + (mice << 10n) / miceScales(limit).stretch + TICK;
}

/** The bounds of which `policedBurst` is `burst`: a sixteenth of it is debt, and credit is what that leaves. */
function splitBurst(limit: PacedLimit, burst: bigint): Bounds {
  const { stretch } = miceScales(limit);
  const ofMice = (time: bigint): bigint => (time << 10n) / stretch;
  const horizon = burst / 16n;
  // What rounding may add to the parts.
  const rest = burst - 2n - TICK - 2n * horizon - ofMice(2n * horizon);
  const beyondMice = rest - ofMice(MOUSE_CREDIT);
  const credit = beyondMice > MOUSE_CREDIT ? beyondMice : (rest * stretch) / (stretch + 1024n);
  return { credit: bigMax(0n, credit), heavyHorizon: horizon, mouseHorizon: horizon };
}

/** A GSO packet is admitted or dropped as a whole, so the credit covers the largest, whatever the burst. */
export function boundsOf(limit: PacedLimit): Bounds {
  if (limit.pacing === 'queue') return queueBoundsOf(limit);
  const stated = burstBytesOf(limit);
  const least = timeOf(limit, GSO_PACKET_BYTES);
  const withLeast = (bounds: Bounds): Bounds => ({ ...bounds, credit: bigMax(bounds.credit, least) });
  if (stated === undefined) return withLeast(BOUNDS[limit.pacing]);
  const burst = timeOf(limit, stated);
  if (limit.pacing === 'edt') return withLeast({ ...BOUNDS.edt, credit: burst - burst / 8n });
  return withLeast(splitBurst(limit, burst));
}

function queueBoundsOf(limit: PacedLimit): Bounds {
  const bounds = queueBounds(bytesPerSecondOf(limit), burstBytesOf(limit));
  const { totalBurst: credit, heavyHorizon, mouseHorizon } = bounds;
  return { credit, heavyHorizon, mouseHorizon };
}

/** Room for ARP and neighbour discovery alone, whatever the debt of others. */
export const vitalRoomOf = (limit: PacedLimit): bigint =>
  bigMax(VITAL_ROOM.time, timeOf(limit, VITAL_ROOM.bytes));

/** Debt beyond which even ARP and neighbour discovery are dropped: others go to twice their horizon at most. */
export function vitalHorizonOf(limit: PacedLimit, { heavyHorizon, mouseHorizon }: Bounds): bigint {
  return 2n * bigMax(heavyHorizon, mouseHorizon) + vitalRoomOf(limit);
}

/** Credit of the packet-rate cap, ns. */
export const packetCreditOf = ({ packetsPerSecond = 1 }: PacedLimit, { credit }: Bounds): bigint =>
  bigMax(credit, (LEAST_PACKET_CREDIT * 1_000_000_000n) / BigInt(packetsPerSecond));

/**
 * Most bytes that pass above the rate over any interval, the coarse clock's tick (at most 10 ms) included. ARP and
 * neighbour discovery are charged, but not counted here: see `vitalBurstBytes`.
 */
export function burstBytes(limit: PacedLimit): number {
  if (limit.pacing === 'queue') return Number(queueBurstBytes(bytesPerSecondOf(limit), burstBytesOf(limit)));
  const bounds = boundsOf(limit);
  const paced = bounds.credit + 2n * bounds.heavyHorizon + TICK;
  return Number(bytesIn(limit, limit.pacing === 'police' ? policedBurst(limit, bounds) : paced));
}

/** Most bytes that are admitted above the rate over any interval, ARP and neighbour discovery included. */
export function vitalBurstBytes(limit: PacedLimit): number {
  const bounds = boundsOf(limit);
  return Number(bytesIn(limit, bounds.credit + 2n * vitalHorizonOf(limit, bounds) + TICK));
}

/** Most packets that are admitted above the packet-rate cap over any interval. */
export function packetBurst(limit: PacedLimit): number {
  const bounds = boundsOf(limit);
  const time = packetCreditOf(limit, bounds) + 2n * bigMax(bounds.heavyHorizon, bounds.mouseHorizon) + TICK;
  return Number((time * BigInt(limit.packetsPerSecond ?? 0)) / 1_000_000_000n) + 1;
}
