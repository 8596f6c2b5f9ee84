/** How well verdicts of heavy and mouse fit what the flows sent. */
import type { Trace } from './trace.ts';

/** A flow is heavy in a second in which it offers at least this share of C. */
export const HEAVY_SHARE = 0.1;

export interface Score {
  /** Over all pairs of a flow and a second in which it sends: a flow is taken for heavy when any of its packets is. */
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  /** Bytes of flows that are no heavy ones in that second, and those of them that were taken for heavy. */
  readonly mouseBytes: number;
  readonly falseHeavyBytes: number;
}

export const NO_SCORE: Score = {
  truePositives: 0,
  falsePositives: 0,
  falseNegatives: 0,
  mouseBytes: 0,
  falseHeavyBytes: 0,
};

/** The harmonic mean of precision and recall; 1 where nothing was heavy and nothing taken for it. */
export function f1({ truePositives, falsePositives, falseNegatives }: Score): number {
  const wrong = falsePositives + falseNegatives;
  return truePositives + wrong === 0 ? 1 : (2 * truePositives) / (2 * truePositives + wrong);
}

export const sum = (a: Score, b: Score): Score => ({
  truePositives: a.truePositives + b.truePositives,
  falsePositives: a.falsePositives + b.falsePositives,
  falseNegatives: a.falseNegatives + b.falseNegatives,
  mouseBytes: a.mouseBytes + b.mouseBytes,
  falseHeavyBytes: a.falseHeavyBytes + b.falseHeavyBytes,
});

/** `heavy` has a 1 for each packet of the trace that was taken for a heavy flow's. */
export function scoreOf(trace: Trace, heavy: Uint8Array, bytesPerSecond: number): Score {
  const sent = new Float64Array(trace.flows);
  const asHeavy = new Float64Array(trace.flows);
  let score = NO_SCORE;
  let second = 0;
  let senders: number[] = [];
  const close = (): void => {
    for (const flow of senders)
      score = sum(score, judge(sent[flow] ?? 0, asHeavy[flow] ?? 0, bytesPerSecond));
    for (const flow of senders) sent[flow] = asHeavy[flow] = 0;
    senders = [];
  };
  for (let packet = 0; packet < trace.times.length; packet++) {
    const now = Math.floor((trace.times[packet] ?? 0) / 1e9);
    if (now !== second) close();
    second = now;
    const flow = trace.flow[packet] ?? 0;
    const bytes = trace.bytes[packet] ?? 0;
    if (sent[flow] === 0) senders.push(flow);
    sent[flow] = (sent[flow] ?? 0) + bytes;
    if (heavy[packet] === 1) asHeavy[flow] = (asHeavy[flow] ?? 0) + bytes;
  }
  close();
  return score;
}

function judge(sent: number, asHeavy: number, bytesPerSecond: number): Score {
  const isHeavy = sent >= HEAVY_SHARE * bytesPerSecond;
  const taken = asHeavy > 0;
  return {
    truePositives: Number(isHeavy && taken),
    falsePositives: Number(!isHeavy && taken),
    falseNegatives: Number(isHeavy && !taken),
    mouseBytes: isHeavy ? 0 : sent,
    falseHeavyBytes: isHeavy ? 0 : asHeavy,
  };
}
