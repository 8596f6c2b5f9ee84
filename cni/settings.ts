/**
 * From a limit to the numbers that the kernel program works with (programs/config.ts). Nanoseconds throughout;
 * "per byte" factors are scaled by 2^20.
 */
import { HEAVY_CLASS, MOUSE_CLASS } from '../loader/attach/classes.ts';
import { boundsOf, mouseCreditOf, packetCreditOf, vitalHorizonOf } from './bounds.ts';
import type { Direction } from './config/bandwidth.ts';
import { bytesPerSecondOf, miceScales, type PacedLimit, type Pacing, timeOf } from './limit.ts';
import { isSlow, LEAST_HEAVY_BYTES } from './queue.ts';

export { burstBytes } from './bounds.ts';
export type { PacedLimit as Limit, Pacing, Parsing } from './limit.ts';

/** By its number in programs/config.ts. */
const NUMBERS: { readonly [P in Pacing]: number } = { police: 0, edt: 1, queue: 2 };

export const PACINGS: readonly Pacing[] = ['edt', 'queue', 'police'];

/** The end of a packet that is not the Pod, by its number there. */
const OTHER_END: { readonly [D in Direction]: number } = { ingress: 1, egress: 2 };

const SCALE = 20n;
const PACKET_SCALE = 10n;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** Sketch cells drain at 1/16 of the cap. */
const CELL_SHARE = 16n;
/** The heavy threshold is 2^30 ns of a cell's drain and never below 16 KiB (queue.ts). */
const HEAVY_LEVEL = 1n << 30n;
const MOST_SHIFT = 4n;
/** The hand-over to the heavy flows' delay takes half of the threshold, within what programs/config.ts allows. */
const HAND_OVER_SHIFT = { least: 10n, most: 31n } as const;

/** Departure times are marked from twelve full packets' time on, between 2^21 and 2^25 ns. */
const FULL_PACKET_BYTES = 1514n;
const RAMP_PACKETS = 12n;

/** Mice are too many while they owe more than this, or half of what they may: dropped before that, they would stay mice. */
const CONGESTED = 1n << 23n;

const bigMin = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const bitLength = (value: bigint): bigint => BigInt(value.toString(2).length);

/** The congestion shift's bound, in 1/256 of a doubling: so far that the threshold stays at 16 KiB. */
function shiftLimit(heavyBytes: bigint): bigint {
  let shift = 0n;
  while (shift < MOST_SHIFT && heavyBytes >> (shift + 1n) >= LEAST_HEAVY_BYTES) shift += 1n;
  return shift * 256n;
}

/** When marks begin, over which time they become certain, and how much later drops begin. */
interface Ramp {
  readonly rampStart: bigint;
  readonly rampShift: bigint;
  readonly dropAfter: bigint;
}

function rampOf(limit: PacedLimit, direction: Direction, heavyHorizon: bigint): Ramp {
  if (limit.pacing === 'police') return { rampStart: 0n, rampShift: bitLength(heavyHorizon), dropAfter: 0n };
  let exponent = 21n;
  while (exponent < 25n && 1n << exponent < timeOf(limit, RAMP_PACKETS * FULL_PACKET_BYTES)) exponent += 1n;
  return {
    rampStart: 1n << exponent,
    rampShift: exponent + 3n,
    dropAfter: dropAfterOf(limit, direction, heavyHorizon),
  };
}

/**
 * Packets of 64 KiB wait behind one another as a matter of course, and no mouse behind them: so drops wait, too. But a Pod's own
 * TCP hears of one at once and has nothing to send again; where flows wait in one queue, it is what makes their shares even.
 * At low rates, where a packet takes longest, shares are even without.
 */
function dropAfterOf(limit: PacedLimit, direction: Direction, heavyHorizon: bigint): bigint {
  if (limit.pacing === 'queue') return (3n * heavyHorizon) / 4n;
  return direction === 'egress' && !isSlow(bytesPerSecondOf(limit)) ? 0n : heavyHorizon / 2n;
}

/** What tells heavy flows from mice: the drain of a cell, and the level above which a flow is heavy. */
function thresholdOf({ heavyThresholdBits }: PacedLimit, nsPerByte: bigint) {
  const cellNsPerByte = bigMin(CELL_SHARE * nsPerByte, (HEAVY_LEVEL << SCALE) / LEAST_HEAVY_BYTES);
  const stated = heavyThresholdBits === undefined ? undefined : BigInt(Math.ceil(heavyThresholdBits / 8));
  const heavyLevel = stated === undefined ? HEAVY_LEVEL : (stated * cellNsPerByte) >> SCALE;
  const { least, most } = HAND_OVER_SHIFT;
  const half = bitLength(heavyLevel) - 2n;
  return {
    cellNsPerByte,
    heavyLevel,
    handOverShift: half < least ? least : bigMin(half, most),
    shiftLimit: shiftLimit(stated ?? (HEAVY_LEVEL << SCALE) / cellNsPerByte),
  };
}

/** The `.rodata` of one direction, but for the seed of the flow hash, which is the caller's to draw. */
export function dataplaneSettings(limit: PacedLimit, direction: Direction): Record<string, bigint | number> {
  const nsPerByte = (NANOSECONDS_PER_SECOND << SCALE) / bytesPerSecondOf(limit);
  const { share, stretch } = miceScales(limit);
  const bounds = boundsOf(limit);
  const { packetsPerSecond } = limit;
  return {
    nsPerByte,
    ...thresholdOf(limit, nsPerByte),
    mouseShare: share,
    mouseStretch: stretch,
    ...bounds,
    mouseCredit: mouseCreditOf(bounds.credit),
    vitalHorizon: vitalHorizonOf(limit, bounds),
    ...rampOf(limit, direction, bounds.heavyHorizon),
    congested: bigMin(CONGESTED, bounds.mouseHorizon / 2n),
    nsPerPacket:
      packetsPerSecond === undefined
        ? 0n
        : (NANOSECONDS_PER_SECOND << PACKET_SCALE) / BigInt(packetsPerSecond),
    packetCredit: packetsPerSecond === undefined ? 0n : packetCreditOf(limit, bounds),
    pacing: NUMBERS[limit.pacing],
    mouseClass: MOUSE_CLASS,
    heavyClass: HEAVY_CLASS,
    untagged: limit.vlanTags === 'off' ? 1 : 0,
    ipv4Only: limit.ipFamilies === 'ipv4' ? 1 : 0,
    ecn: limit.ecn === false ? 0 : 1,
    exclusions: (limit.excludedSubnets ?? limit.shapedSubnets ?? []).length > 0 ? OTHER_END[direction] : 0,
  };
}
