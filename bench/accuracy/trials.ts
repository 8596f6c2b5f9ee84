/** What a classifier is put through: the traces, a flood, and a heavy flow that goes quiet. */
import { tokenBucketFilter } from '../simulate/limiters.ts';
import type { Classifier } from './classifiers.ts';
import { NO_SCORE, type Score, scoreOf, sum } from './score.ts';
import { type Trace, type TraceOptions, webMix } from './trace.ts';

/** C of all trials but the flood, bytes a second. */
export const RATE = 1_250_000;
const SECOND = 1e9;

/** Every packet of the trace through an empty classifier. */
export function runTrace(classifier: Classifier, trace: Trace, bytesPerSecond: number): Score {
  classifier.clear();
  const heavy = new Uint8Array(trace.times.length);
  for (let index = 0; index < trace.times.length; index++) {
    const { flow, bytes, time } = packetOf(trace, index);
    heavy[index] = classifier.classify(flow, bytes, time).heavy ? 1 : 0;
  }
  return scoreOf(trace, heavy, bytesPerSecond);
}

function packetOf(trace: Trace, index: number): { flow: number; bytes: number; time: number } {
  return {
    flow: trace.flow[index] ?? 0,
    bytes: trace.bytes[index] ?? 0,
    time: trace.times[index] ?? 0,
  };
}

export function scoreTraces(
  classifier: Classifier,
  makeTrace: (options: TraceOptions) => Trace,
  seeds: readonly number[],
): Score {
  return seeds
    .map((seed) => runTrace(classifier, makeTrace({ seed, bytesPerSecond: RATE }), RATE))
    .reduce(sum, NO_SCORE);
}

const FLOOD = { share: 100, bytes: 1000, leastFlow: 1 << 20 };

/** A flood of `flows` one-packet flows fills 40 s at 100 times this cap, bytes a second. */
export const floodRate = (flows: number): number => (flows * FLOOD.bytes) / (FLOOD.share * 40);

export interface FloodResult {
  /** Of the web mix beside the flood. */
  readonly score: Score;
  /** Bytes that passed over what the cap allows in that time. */
  readonly admittedShare: number;
}

/**
 * New flows of one packet of 1000 bytes each at 100 C, beside the web mix, whose verdicts count. Only packets that pass
 * are scored: one that is dropped at a full bucket was taken for neither.
 */
export function runFlood(classifier: Classifier, flows: number, seed: number): FloodResult {
  const rate = floodRate(flows);
  const trace = webMix({ seed, bytesPerSecond: rate });
  const seconds = (trace.times.at(-1) ?? 0) / SECOND;
  const gap = FLOOD.bytes / (FLOOD.share * rate);
  classifier.clear();
  const heavy = new Uint8Array(trace.times.length);
  let admitted = 0;
  let flooded = 0;
  const floodUntil = (time: number): void => {
    for (; flooded * gap * SECOND < time; flooded++)
      if (classifier.passes(FLOOD.leastFlow + flooded, FLOOD.bytes, flooded * gap * SECOND))
        admitted += FLOOD.bytes;
  };
  for (let index = 0; index < trace.times.length; index++) {
    const { flow, bytes, time } = packetOf(trace, index);
    floodUntil(time);
    const verdict = classifier.classify(flow, bytes, time);
    if (verdict.passes) admitted += bytes;
    if (verdict.heavy && verdict.passes) heavy[index] = 1;
  }
  return { score: scoreOf(trace, heavy, rate), admittedShare: admitted / (rate * seconds) };
}

/** What a plain token bucket with a burst of 200 ms lets pass of the same flood. */
export function bucketInFlood(flows: number, seed: number): number {
  const rate = floodRate(flows);
  const bucket = tokenBucketFilter(8 * rate, rate / 5);
  return runFlood(
    {
      name: 'token bucket',
      sketchBytes: 0,
      clear() {},
      classify: (flow, bytes, time) => ({ heavy: false, passes: admits(flow, bytes, time) }),
      passes: admits,
      close() {},
    },
    flows,
    seed,
  ).admittedShare;

  function admits(flow: number, bytes: number, time: number): boolean {
    const packet = { flow, segments: 1, payloadBytes: bytes - 66, ecnCapable: false };
    return bucket.admit(packet, time).kind === 'send';
  }
}

const ELEPHANT_SECONDS = 20;
const PROBE_GAP = 0.05;
const MOST_SECONDS = 1500;

/** Seconds from the end of a flow that took all of C for 20 s until a packet of 100 bytes of it is a mouse's again. */
export function forgetSeconds(classifier: Classifier): number {
  classifier.clear();
  const gap = (1000 / RATE) * SECOND;
  let time = 0;
  for (; time < ELEPHANT_SECONDS * SECOND; time += gap) classifier.classify(0, 1000, time);
  for (let probe = PROBE_GAP; probe < MOST_SECONDS; probe += PROBE_GAP)
    if (!classifier.classify(0, 100, time + probe * SECOND).heavy) return probe;
  return Number.POSITIVE_INFINITY;
}
