import { expect, test } from 'vitest';
import { onOff, persistent, type Trace, webMix, zipf } from './trace.ts';

const RATE = 1_250_000;
const make = { webMix, zipf, onOff, persistent };
const bytesOf = ({ bytes }: Trace): number => bytes.reduce((sum, each) => sum + each, 0);

test.each(Object.entries(make))(
  '%s is the same for a seed, another for another, and in order of time',
  (_, of) => {
    const trace = of({ seed: 1, bytesPerSecond: RATE });
    expect(of({ seed: 1, bytesPerSecond: RATE })).toEqual(trace);
    expect(of({ seed: 2, bytesPerSecond: RATE }).times).not.toEqual(trace.times);
    expect([...trace.times].every((time, index) => index === 0 || time >= trace.times[index - 1]!)).toBe(
      true,
    );
    expect(Math.max(...trace.flow)).toBeLessThan(trace.flows);
  },
);

test.each([
  ['webMix', 30, 0.8],
  ['zipf', 30, 0.9],
  ['persistent', 60, 0.6],
] as const)('%s offers the load that it states', (name, seconds, load) => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const total = seeds.reduce((sum, seed) => sum + bytesOf(make[name]({ seed, bytesPerSecond: RATE })), 0);
  expect(total / (seeds.length * seconds * RATE)).toBeCloseTo(load, 0.5);
});

test('a persistent flow never sends a tenth of the cap in a second', () => {
  const trace = persistent({ seed: 3, bytesPerSecond: RATE });
  const sent = new Map<string, number>();
  for (let index = 0; index < trace.times.length; index++) {
    const key = `${trace.flow[index]} ${Math.floor(trace.times[index]! / 1e9)}`;
    sent.set(key, (sent.get(key) ?? 0) + trace.bytes[index]!);
  }
  expect(Math.max(...sent.values())).toBeLessThan(0.02 * RATE);
});
