import { expect, test } from 'vitest';
import { f1, NO_SCORE, scoreOf } from './score.ts';
import type { Trace } from './trace.ts';

const RATE = 10_000;

/** Packets of [second, flow, bytes]. */
const traceOf = (packets: ReadonlyArray<readonly [number, number, number]>): Trace => ({
  flows: 3,
  times: Float64Array.from(packets, ([second]) => second * 1e9),
  flow: Uint32Array.from(packets, ([, flow]) => flow),
  bytes: Uint16Array.from(packets, ([, , bytes]) => bytes),
});

test('judges each flow in each second by what it sent there, and a second without it not at all', () => {
  const trace = traceOf([
    [0.1, 0, 600],
    [0.2, 1, 100],
    [0.9, 0, 400],
    [1.5, 0, 100],
    [3.5, 2, 1000],
  ]);
  const score = scoreOf(trace, Uint8Array.from([0, 0, 1, 1, 0]), RATE);
  expect(score).toEqual({
    truePositives: 1,
    falsePositives: 1,
    falseNegatives: 1,
    mouseBytes: 200,
    falseHeavyBytes: 100,
  });
  expect(f1(score)).toBeCloseTo(0.5);
});

test('a trace without heavy flows of which none is taken for heavy is perfect, and one mistake makes it 0', () => {
  expect(f1(NO_SCORE)).toBe(1);
  expect(f1({ ...NO_SCORE, falsePositives: 1 })).toBe(0);
});
