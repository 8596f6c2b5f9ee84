import type { Limit } from './cni.ts';
import type { PhaseMeasurement } from './phase.ts';
import { percentile } from './statistics.ts';
import {
  binnedRates,
  bytesAt,
  countAt,
  largestWindow,
  meanRate,
  type Sample,
  smallestBurst,
} from './window.ts';

/** The payload of a full TCP segment with timestamps, and that segment on the wire, at an MTU of 1500 bytes. */
const SEGMENT_PAYLOAD = 1448;
const SEGMENT_ON_WIRE = 1514;
const PAYLOAD_SHARE = SEGMENT_PAYLOAD / SEGMENT_ON_WIRE;
/** The rate over time is told in bins of this length. */
const BIN_SECONDS = 0.25;

export interface MiceSummary {
  readonly count: number;
  readonly failed: number;
  /** Seconds; infinite when that many failed, undefined when there were none. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** A phase against its limit. Rates are in bits per second. */
export interface PhaseSummary {
  /** Application bytes, elephant and mice, after the warm-up. */
  readonly goodput: number;
  /** The same as a share of what the cap leaves to full segments; undefined without a limit. */
  readonly shareOfCap: number | undefined;
  /** Jain's index over the elephants' rates: 1 where all are equal, 1/n where one has everything; 1 for none. */
  readonly fairness: number;
  /** Bytes on the wire in the first second. */
  readonly firstSecond: number;
  /** Bytes on the wire in the fullest second of the whole phase, warm-up included. */
  readonly fullestSecond: number;
  /** cap * 1 s + burst, in bytes; undefined without a limit. */
  readonly allowedSecond: number | undefined;
  /** The burst (bytes) that a token bucket at the cap would have needed for all that passed. */
  readonly burstUsed: number | undefined;
  readonly mice: MiceSummary;
  readonly retransmitted: number;
  readonly congestionMarked: number;
  /** Rate on the wire, seconds from the start. */
  readonly series: ReadonlyArray<{ readonly time: number; readonly rate: number }>;
}

/** What full segments carry of a rate on the wire. */
export function goodputOfCap(rateBitsPerSecond: number): number {
  return rateBitsPerSecond * PAYLOAD_SHARE;
}

/** A segment that is sent again comes within so many seconds of the time at which it was missed. */
const CATCH_UP_SECONDS = 0.5;
/** What may be on its way from the wire's counter to the applications: half a GSO packet, and what comes in between two samples. */
const UNDER_WAY = { bytes: 32_768, seconds: 0.02 } as const;

/**
 * Times from `from` to `to` right behind a packet of an elephant at which the applications lacked least of what had reached
 * their machine. At a low cap a packet is long: a mean between other times would count part of one too many or too few. What
 * comes in behind a missing segment is handed over all at once, when that one has been sent again: a mean from a time before
 * that would count what came in before its start, and could pass the cap.
 */
function caughtUp(measured: PhaseMeasurement, from: number, to: number): number[] {
  const within = measured.elephants.flat().filter(({ time }) => time >= from && time <= to);
  const times = within.map(({ time }) => time).sort((a, b) => a - b);
  if (times.length === 0) return [from, to];
  const lacking = times.map((time) => lackingAt(measured, time));
  const most = Math.min(...lacking) + underWay(measured);
  return times.filter((_, index) => (lacking[index] ?? 0) <= most);
}

/** Application bytes that the machine had and the applications didn't. */
function lackingAt({ wire, elephants, mouseBytes }: PhaseMeasurement, time: number): number {
  const arrived = wire.find((sample) => sample.time >= time) ?? wire.at(-1);
  const inHand = [...elephants, mouseBytes].reduce((sum, samples) => sum + countAt(samples, time), 0);
  return (arrived?.bytes ?? 0) * PAYLOAD_SHARE - inHand;
}

function underWay({ wire }: PhaseMeasurement): number {
  const [first, last] = [wire[0], wire.at(-1)];
  const rate = first && last ? meanRate(wire, first.time, last.time) / 8 : 0;
  return UNDER_WAY.bytes + UNDER_WAY.seconds * rate;
}

/**
 * Of what the applications got, bytes that had reached their machine before `from`: some flow or other of several may lack a
 * segment at all times.
 */
function earlier(measured: PhaseMeasurement, from: number, to: number): number {
  const bytes = lackingAt(measured, from) - lackingAt(measured, to);
  return bytes > underWay(measured) ? bytes : 0;
}

/**
 * Sums a phase up. The mean goodput leaves out the first second (a quarter of a short phase): slow start and
 * the burst's credit. The fullest second and the burst leave out nothing.
 */
export function summarise(measured: PhaseMeasurement, limit: Limit | undefined): PhaseSummary {
  const { startedAt, endedAt } = measured;
  const warm = startedAt + Math.min(1, (endedAt - startedAt) / 4);
  const slack = Math.min(CATCH_UP_SECONDS, (endedAt - warm) / 4);
  const from = caughtUp(measured, warm, warm + slack)[0] ?? warm;
  const to = caughtUp(measured, endedAt - slack, endedAt).at(-1) ?? endedAt;
  const rateOf = (samples: readonly Sample[]): number =>
    (8 * (countAt(samples, to) - countAt(samples, from))) / (to - from);
  const rates = measured.elephants.map(rateOf);
  const before = (8 * earlier(measured, from, to)) / (to - from);
  const goodput = rates.reduce((sum, rate) => sum + rate, rateOf(measured.mouseBytes)) - before;
  const bytesPerSecond = limit && limit.rateBitsPerSecond / 8;
  return {
    goodput,
    shareOfCap: limit && goodput / goodputOfCap(limit.rateBitsPerSecond),
    fairness: fairnessOf(rates),
    firstSecond: bytesAt(measured.wire, startedAt + 1),
    fullestSecond: largestWindow(measured.wire, 1),
    allowedSecond: limit && (limit.rateBitsPerSecond + limit.burstBits) / 8,
    burstUsed: bytesPerSecond && smallestBurst(measured.wire, bytesPerSecond),
    mice: summariseMice(measured.mice),
    retransmitted: measured.retransmitted,
    congestionMarked: measured.congestionMarked,
    series: binnedRates(measured.wire, startedAt, endedAt, BIN_SECONDS).map(({ time, rate }) => ({
      time: time - startedAt,
      rate,
    })),
  };
}

/** Jain, Chiu and Hawe, DEC-TR-301 (1984). */
function fairnessOf(rates: readonly number[]): number {
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const squares = rates.reduce((total, rate) => total + rate * rate, 0);
  return squares === 0 ? 1 : sum ** 2 / (rates.length * squares);
}

/** Percentiles over all requests; one that failed took for ever. */
export function summariseMice(mice: PhaseMeasurement['mice']): MiceSummary {
  const seconds = mice.map((mouse) =>
    mouse.failure === undefined ? mouse.seconds : Number.POSITIVE_INFINITY,
  );
  return {
    count: mice.length,
    failed: mice.filter((mouse) => mouse.failure !== undefined).length,
    p50: percentile(seconds, 50),
    p99: percentile(seconds, 99),
  };
}
