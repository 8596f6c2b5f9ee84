/**
 * From a cap to the numbers that the kernel program works with (programs/config.ts). Nanoseconds throughout;
 * "per byte" factors are scaled by 2^20.
 */

import { HEAVY_CLASS, MOUSE_CLASS } from '../loader/attach/classes.ts';
import { GSO_PACKET_BYTES, queueBounds, queueBurstBytes } from './queue.ts';

/**
 * What holds packets back: departure times with an fq qdisc behind the hook; the classes of an HTB qdisc there; or a
 * policer without any queue.
 */
export type Pacing = 'edt' | 'queue' | 'police';

/** By its number in programs/config.ts. */
const PACINGS: { readonly [P in Pacing]: number } = { police: 0, edt: 1, queue: 2 };

/** What packets the parser need not understand, by the operator's word; each makes a shorter program. */
export interface Parsing {
  /** `off`: what is behind a VLAN tag is one flow. */
  readonly vlanTags?: 'on' | 'off' | undefined;
  /** `ipv4`: all IPv6 is one flow. */
  readonly ipFamilies?: 'dual' | 'ipv4' | undefined;
}

export interface Limit extends Parsing {
  /** 1,000 to 10^15. */
  readonly rateBitsPerSecond: number;
  /** Most that may pass at once, above the rate; absent: a burst that suits the rate. */
  readonly burstBits?: number | undefined;
  readonly pacing: Pacing;
}

const SCALE = 20n;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** Sketch cells drain at 1/16 of the cap. */
const CELL_SHARE = 16n;
/** The heavy threshold is 2^30 ns of a cell's drain and never below 16 KiB. */
const HEAVY_LEVEL = 1n << 30n;
const LEAST_HEAVY_BYTES = 16n * 1024n;
const MOST_SHIFT = 4n;

/**
 * Time bounds by pacing, ns. A policer needs 200 ms between an idle bucket and a drop, or the goodput of TCP with GSO
 * packets collapses; with departure times or classes the queue does that work.
 */
const BOUNDS = {
  edt: { credit: 1n << 26n, heavyHorizon: 1n << 26n, mouseHorizon: 1n << 30n },
  police: { credit: 5n << 25n, heavyHorizon: 3n << 24n, mouseHorizon: 3n << 24n },
} as const;

/** Departure times are marked from twelve full packets' time on, between 2^21 and 2^25 ns. */
const FULL_PACKET_BYTES = 1514n;
const RAMP_PACKETS = 12n;

const bigMin = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const bigMax = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** C. */
export const bytesPerSecondOf = ({ rateBitsPerSecond }: Pick<Limit, 'rateBitsPerSecond'>): bigint =>
  BigInt(Math.round(rateBitsPerSecond)) / 8n;

/** The stated burst, if any. */
export const burstBytesOf = ({ burstBits }: Pick<Limit, 'burstBits'>): bigint | undefined =>
  burstBits === undefined ? undefined : BigInt(Math.ceil(burstBits / 8));

/** The congestion shift's bound, in 1/256 of a doubling: so far that the threshold stays at 16 KiB. */
function shiftLimit(cellNsPerByte: bigint): bigint {
  const heavyBytes = (HEAVY_LEVEL << SCALE) / cellNsPerByte;
  let shift = 0n;
  while (shift < MOST_SHIFT && heavyBytes >> (shift + 1n) >= LEAST_HEAVY_BYTES) shift += 1n;
  return shift * 256n;
}

function rampOf(
  pacing: Pacing,
  heavyHorizon: bigint,
  timeOf: (bytes: bigint) => bigint,
): { start: bigint; shift: bigint } {
  const bitLength = (time: bigint): bigint => BigInt(time.toString(2).length);
  if (pacing === 'police') return { start: 0n, shift: bitLength(heavyHorizon) };
  // Packets of 64 KiB wait behind one another as a matter of course: only the upper half of the queue is congestion.
  if (pacing === 'queue') return { start: heavyHorizon / 2n, shift: bitLength(heavyHorizon) };
  let exponent = 21n;
  while (exponent < 25n && 1n << exponent < timeOf(RAMP_PACKETS * FULL_PACKET_BYTES)) exponent += 1n;
  return { start: 1n << exponent, shift: exponent + 3n };
}

interface Bounds {
  readonly credit: bigint;
  readonly heavyHorizon: bigint;
  readonly mouseHorizon: bigint;
}

/** The coarse clock's tick at CONFIG_HZ=100. */
const TICK = 10_000_000n;
/** Credit of the mice's own clock (programs/bucket.ts), which runs at 64/73, about 7/8, of the cap. */
const MOUSE_CREDIT = 1n << 26n;
const atMouseRate = (time: bigint): bigint => (time * 64n) / 73n;

/**
 * Most that a policer lets pass above the rate, in time at the cap. Heavy flows use up the credit and go into debt to
 * their horizon, small packets to twice that; then the mice may do the same at their own clock.
 */
const policedBurst = ({ credit, heavyHorizon, mouseHorizon }: Bounds): bigint =>
  credit + 2n * heavyHorizon + atMouseRate(bigMin(credit, MOUSE_CREDIT) + 2n * mouseHorizon) + TICK;

/** The bounds of which `policedBurst` is `burst`: a sixteenth of it is debt, and credit is what that leaves. */
function splitBurst(burst: bigint): Bounds {
  const horizon = burst / 16n;
  const rest = burst - TICK - 2n * horizon - atMouseRate(2n * horizon);
  const beyondMice = rest - atMouseRate(MOUSE_CREDIT);
  const credit = beyondMice > MOUSE_CREDIT ? beyondMice : (rest * 73n) / (73n + 64n);
  return { credit: bigMax(0n, credit), heavyHorizon: horizon, mouseHorizon: horizon };
}

/** A GSO packet is admitted or dropped as a whole, so the credit covers the largest, whatever the burst. */
function boundsOf(limit: Limit, timeOf: (bytes: bigint) => bigint): Bounds {
  if (limit.pacing === 'queue') return queueBoundsOf(limit);
  const stated = burstBytesOf(limit);
  const least = timeOf(GSO_PACKET_BYTES);
  const withLeast = (bounds: Bounds): Bounds => ({ ...bounds, credit: bigMax(bounds.credit, least) });
  if (stated === undefined) return withLeast(BOUNDS[limit.pacing]);
  const burst = timeOf(stated);
  if (limit.pacing === 'edt') return withLeast({ ...BOUNDS.edt, credit: burst - burst / 8n });
  return withLeast(splitBurst(burst));
}

function queueBoundsOf(limit: Limit): Bounds {
  const bounds = queueBounds(bytesPerSecondOf(limit), burstBytesOf(limit));
  const { totalBurst: credit, heavyHorizon, mouseHorizon } = bounds;
  return { credit, heavyHorizon, mouseHorizon };
}

/** The `.rodata` of one direction, but for the seed of the flow hash, which is the caller's to draw. */
export function dataplaneSettings(limit: Limit): Record<string, bigint | number> {
  const bytesPerSecond = bytesPerSecondOf(limit);
  const nsPerByte = (NANOSECONDS_PER_SECOND << SCALE) / bytesPerSecond;
  const cellNsPerByte = bigMin(CELL_SHARE * nsPerByte, (HEAVY_LEVEL << SCALE) / LEAST_HEAVY_BYTES);
  const timeOf = (bytes: bigint): bigint => (bytes * NANOSECONDS_PER_SECOND) / bytesPerSecond;
  const bounds = boundsOf(limit, timeOf);
  const ramp = rampOf(limit.pacing, bounds.heavyHorizon, timeOf);
  return {
    nsPerByte,
    cellNsPerByte,
    ...bounds,
    rampStart: ramp.start,
    rampShift: ramp.shift,
    shiftLimit: shiftLimit(cellNsPerByte),
    pacing: PACINGS[limit.pacing],
    mouseClass: MOUSE_CLASS,
    heavyClass: HEAVY_CLASS,
    untagged: limit.vlanTags === 'off' ? 1 : 0,
    ipv4Only: limit.ipFamilies === 'ipv4' ? 1 : 0,
  };
}

/** Most bytes that pass above the rate over any interval, the coarse clock's tick (at most 10 ms) included. */
export function burstBytes(limit: Limit): number {
  if (limit.pacing === 'queue') return Number(queueBurstBytes(bytesPerSecondOf(limit), burstBytesOf(limit)));
  const bytesPerSecond = bytesPerSecondOf(limit);
  const bounds = boundsOf(limit, (bytes) => (bytes * NANOSECONDS_PER_SECOND) / bytesPerSecond);
  const paced = bounds.credit + 2n * bounds.heavyHorizon + TICK;
  const time = limit.pacing === 'police' ? policedBurst(bounds) : paced;
  return Number((time * bytesPerSecond) / NANOSECONDS_PER_SECOND);
}
