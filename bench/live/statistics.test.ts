import { describe, expect, it } from 'vitest';
import { percentile, randomNumbers } from './statistics.ts';

describe('percentile', () => {
  it('is the nearest rank of the sorted sample', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentile(values, 50)).toBe(100);
    expect(percentile(values, 99)).toBe(198);
    expect(percentile(values, 100)).toBe(200);
  });

  it('is the only value of a sample of one and undefined of none', () => {
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([], 50)).toBeUndefined();
  });

  it('sorts what failed above all that answered', () => {
    expect(percentile([3, Number.POSITIVE_INFINITY, 1], 99)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('randomNumbers', () => {
  it('repeats for a seed, differs between seeds, and fills the interval evenly', () => {
    const take = (seed: number): number[] => {
      const random = randomNumbers(seed);
      return Array.from({ length: 10_000 }, random);
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
    const values = take(3);
    const share = values.filter((value) => value < 0.25).length / values.length;
    expect(share).toBeGreaterThan(0.23);
    expect(share).toBeLessThan(0.27);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
  });
});
