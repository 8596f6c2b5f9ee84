import { expect, test } from 'vitest';
import { Clock, RandomSource } from './clock.ts';

test('the coarse clock stays at the last tick', () => {
  const clock = new Clock();
  clock.set(10_500_000n, 4_000_000n);
  expect([clock.now, clock.coarse, clock.jiffies]).toEqual([10_500_000n, 8_000_000n, 2n]);
  clock.set(11n);
  expect(clock.coarse).toBe(11n);
});

test('the random source repeats for a seed, and differs between seeds', () => {
  const sequence = (seed: number): number[] => {
    const source = new RandomSource(seed);
    return Array.from({ length: 4 }, () => source.next());
  };
  expect(sequence(7)).toEqual(sequence(7));
  expect(sequence(7)).not.toEqual(sequence(8));
  expect(sequence(0)).toEqual(sequence(1));
  expect(new Set(sequence(7)).size).toBe(4);
});
