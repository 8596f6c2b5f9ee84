import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binnedRates,
  bytesAt,
  countAt,
  largestWindow,
  meanRate,
  type Sample,
  smallestBurst,
} from './window.ts';

/** A constant rate (bytes/s) sampled every 50 ms, with extra bytes arriving at once at a given time. */
function series(rate: number, seconds: number, jump = { at: Number.POSITIVE_INFINITY, bytes: 0 }): Sample[] {
  return Array.from({ length: seconds * 20 + 1 }, (_, index) => {
    const time = 1000 + index / 20;
    return { time, bytes: rate * (index / 20) + (index / 20 >= jump.at ? jump.bytes : 0) };
  });
}

const random = fc
  .array(fc.record({ gap: fc.integer({ min: 10, max: 90 }), bytes: fc.nat(100_000) }), {
    minLength: 2,
    maxLength: 60,
  })
  .map((steps) => {
    let time = 0;
    let bytes = 0;
    return steps.map((step) => {
      time += step.gap / 1000;
      bytes += step.bytes;
      return { time, bytes };
    });
  });

describe('a series of samples', () => {
  it('is read between samples by interpolation and stands still outside', () => {
    const samples = [
      { time: 1, bytes: 100 },
      { time: 2, bytes: 300 },
      { time: 4, bytes: 300 },
    ];
    expect([0, 1, 1.5, 3, 9].map((time) => bytesAt(samples, time))).toEqual([100, 100, 200, 300, 300]);
    expect(bytesAt([], 3)).toBe(0);
  });

  it('stands still between samples that are told right behind what they count', () => {
    const samples = [
      { time: 1, bytes: 100 },
      { time: 2, bytes: 300 },
    ];
    expect([0, 1, 1.9, 2, 9].map((time) => countAt(samples, time))).toEqual([100, 100, 100, 300, 300]);
    expect(countAt([], 3)).toBe(0);
  });

  it('gives the mean rate in bits per second', () => {
    expect(meanRate(series(1_250_000, 4), 1001, 1003)).toBeCloseTo(10_000_000);
  });

  it('gives rates per bin with the middle of each bin', () => {
    const bins = binnedRates(series(1000, 2), 1000, 1002, 0.5);
    expect(bins.map((bin) => bin.time)).toEqual([1000.25, 1000.75, 1001.25, 1001.75]);
    for (const bin of bins) expect(bin.rate).toBeCloseTo(8000);
  });
});

describe('largestWindow', () => {
  it('is rate times length for a constant rate, however long the series', () => {
    expect(largestWindow(series(1000, 5), 1)).toBeCloseTo(1000);
  });

  it('finds a burst wherever it lies', () => {
    for (const at of [0.05, 1.3, 4.9]) {
      expect(largestWindow(series(1000, 5, { at, bytes: 700 }), 1)).toBeCloseTo(1700);
    }
  });

  it('counts the whole of a series that is shorter than the window', () => {
    expect(largestWindow(series(1000, 1).slice(0, 5), 1)).toBeCloseTo(200);
  });

  it('lies between the fullest windows of whole samples that are just shorter and just longer', () => {
    fc.assert(
      fc.property(random, (samples) => {
        let shorter = 0;
        let longer = 0;
        for (const [index, start] of samples.entries()) {
          const later = samples.slice(index);
          const inside = later.filter((sample) => sample.time - start.time <= 0.5).at(-1) ?? start;
          const outside = later.find((sample) => sample.time - start.time >= 0.5) ?? later.at(-1) ?? start;
          shorter = Math.max(shorter, inside.bytes - start.bytes);
          const earlier = samples.findLast((sample) => start.time - sample.time >= 0.5) ?? samples[0]!;
          longer = Math.max(longer, outside.bytes - start.bytes, start.bytes - earlier.bytes);
        }
        const largest = largestWindow(samples, 0.5);
        expect(largest).toBeGreaterThanOrEqual(shorter - 1e-6);
        expect(largest).toBeLessThanOrEqual(longer + 1e-6);
      }),
    );
  });
});

describe('smallestBurst', () => {
  it('is zero below the rate and the jump above it', () => {
    expect(smallestBurst(series(1000, 3), 1001)).toBe(0);
    expect(smallestBurst(series(1000, 3, { at: 2, bytes: 500 }), 1000)).toBeCloseTo(500);
  });

  it('equals the largest excess over every pair of samples', () => {
    fc.assert(
      fc.property(random, fc.integer({ min: 1, max: 3_000_000 }), (samples, rate) => {
        let expected = 0;
        for (const [index, start] of samples.entries())
          for (const end of samples.slice(index))
            expected = Math.max(expected, end.bytes - start.bytes - rate * (end.time - start.time));
        expect(smallestBurst(samples, rate)).toBeCloseTo(expected, 3);
      }),
    );
  });
});
