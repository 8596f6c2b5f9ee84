import { expect, test } from 'vitest';
import type { PhaseMeasurement } from './phase.ts';
import { goodputOfCap, summarise } from './summary.ts';
import type { Sample } from './window.ts';

const RATE = 10e6;
const SECONDS = 8;
const TICKS = SECONDS * 50;
const limit = { rateBitsPerSecond: RATE, burstBits: 0.2 * RATE };

/** Samples every 20 ms of what `bytes` says of a time. */
const series = (bytes: (time: number) => number): readonly Sample[] =>
  Array.from({ length: TICKS + 1 }, (_, tick) => ({ time: tick / 50, bytes: bytes(tick / 50) }));

const nothing: PhaseMeasurement = {
  startedAt: 0,
  endedAt: SECONDS,
  elephants: [],
  mouseBytes: [],
  mice: [],
  wire: [],
  retransmitted: 0,
  congestionMarked: 0,
};

/** An elephant at the whole cap whose bytes the application has as `taken` says. */
const phase = (taken: (time: number) => number) =>
  summarise({ ...nothing, elephants: [series(taken)], wire: series((time) => (time * RATE) / 8) }, limit);

const steady = (time: number): number => (time * goodputOfCap(RATE)) / 8;

/** What comes in from `from` on waits in the kernel until `until`. */
const heldBack =
  (from: number, until: number) =>
  (time: number): number =>
    steady(time > from && time < until ? from : time);

test('a steady stream at the cap has all of its goodput', () => {
  expect(phase(steady).shareOfCap).toBeCloseTo(1, 6);
});

test('whole packets that come at the cap have all of its goodput in two seconds, wherever they begin', () => {
  const packet = { bytes: 65_160, seconds: (65_160 * 8) / goodputOfCap(RATE) };
  for (const offset of [0, 0.01, 0.025, 0.04]) {
    const packets = Array.from({ length: 40 }, (_, index) => ({
      time: offset + index * packet.seconds,
      bytes: (index + 1) * packet.bytes,
    })).filter(({ time }) => time <= 2);
    const wire = series(
      (time) => (packet.bytes * Math.floor((time - offset) / packet.seconds + 1) * 1514) / 1448,
    );
    const measured = { ...nothing, endedAt: 2, elephants: [packets], wire };
    expect(summarise(measured, limit).shareOfCap).toBeCloseTo(1, 3);
  }
});

test.each([
  ['the warm-up ends', 0.8, 1.2],
  ['the warm-up ends and long after it', 0.5, 2],
  ['the phase ends', 7.75, 9],
])('bytes that wait for a missing segment while %s change nothing', (_, from, until) => {
  expect(phase(heldBack(from, until)).shareOfCap).toBeCloseTo(1, 2);
});

test('bytes that are sent twice are missing from the goodput', () => {
  const { shareOfCap } = phase((time) => 0.9 * steady(time));
  expect(shareOfCap).toBeCloseTo(0.9, 2);
});
