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

export interface Limit {
  /** 1,000 to 10^15. */
  readonly rateBitsPerSecond: number;
  /** Most that may pass at once, above the rate; absent: a burst that suits the rate. */
  readonly burstBits?: number | undefined;
  readonly pacing: Pacing;
}

const SCALE = 20n;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** Sketch cells drain at 1/32 of the cap. */
const CELL_SHARE = 32n;
/** The heavy threshold is 2^31 ns of a cell's drain and never below 16 KiB. */
const HEAVY_LEVEL = 1n << 31n;
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

/**
 * Splits a burst: seven eighths are credit for an idle Pod, a sixteenth is debt for heavy flows, and small packets may
 * go to twice that debt, so that over any interval no more than `rate * interval + burst` passes.
 */
function boundsOf(limit: Limit, timeOf: (bytes: bigint) => bigint) {
  if (limit.pacing === 'queue') return queueBoundsOf(limit);
  const stated = burstBytesOf(limit);
  const bounds = BOUNDS[limit.pacing];
  const leastCredit = timeOf(GSO_PACKET_BYTES);
  if (stated === undefined) return { ...bounds, credit: bigMax(bounds.credit, leastCredit) };
  const burst = timeOf(stated);
  const credit = bigMax(burst - burst / 8n, leastCredit);
  if (limit.pacing === 'edt') return { ...bounds, credit };
  return { credit, heavyHorizon: burst / 16n, mouseHorizon: burst / 16n };
}

function queueBoundsOf(limit: Limit) {
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
  };
}

/** Most bytes that pass above the rate over any interval, the coarse clock's tick (at most 10 ms) included. */
export function burstBytes(limit: Limit): number {
  if (limit.pacing === 'queue') return Number(queueBurstBytes(bytesPerSecondOf(limit), burstBytesOf(limit)));
  const settings = dataplaneSettings(limit);
  const ns = (name: string): bigint => BigInt(settings[name] ?? 0);
  const horizon = bigMax(ns('heavyHorizon'), limit.pacing === 'police' ? ns('mouseHorizon') : 0n);
  const time = ns('credit') + 2n * horizon + 10_000_000n;
  return Number((time * BigInt(Math.round(limit.rateBitsPerSecond))) / (8n * NANOSECONDS_PER_SECOND));
}
