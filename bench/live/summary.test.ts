import { expect, test } from 'vitest';
import { goodputOfCap, summarise } from './summary.ts';
import type { Sample } from './window.ts';

const RATE = 10e6;
const SECONDS = 8;
const TICKS = SECONDS * 50;
const limit = { rateBitsPerSecond: RATE, burstBits: 0.2 * RATE };

/** Samples every 20 ms of what `bytes` says of a time. */
const series = (bytes: (time: number) => number): readonly Sample[] =>
  Array.from({ length: TICKS + 1 }, (_, tick) => ({ time: tick / 50, bytes: bytes(tick / 50) }));

/** An elephant at the whole cap whose bytes the application has as `taken` says. */
const phase = (taken: (time: number) => number) =>
  summarise(
    {
      startedAt: 0,
      endedAt: SECONDS,
      elephants: [series(taken)],
      mouseBytes: [],
      mice: [],
      wire: series((time) => (time * RATE) / 8),
      retransmitted: 0,
      congestionMarked: 0,
    },
    limit,
  );

const steady = (time: number): number => (time * goodputOfCap(RATE)) / 8;

/** What comes in from `from` on waits in the kernel until `until`. */
const heldBack =
  (from: number, until: number) =>
  (time: number): number =>
    steady(time > from && time < until ? from : time);

test('a steady stream at the cap has all of its goodput', () => {
  expect(phase(steady).shareOfCap).toBeCloseTo(1, 6);
});

test.each([
  ['the warm-up ends', 0.8, 1.2],
  ['the phase ends', 7.75, 9],
])('bytes that wait for a missing segment while %s change nothing', (_, from, until) => {
  expect(phase(heldBack(from, until)).shareOfCap).toBeCloseTo(1, 2);
});

test('bytes that are sent twice are missing from the goodput', () => {
  const { shareOfCap } = phase((time) => 0.9 * steady(time));
  expect(shareOfCap).toBeCloseTo(0.9, 2);
});
