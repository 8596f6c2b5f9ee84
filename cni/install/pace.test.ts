import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

const HOUR = 3_600_000;

test('the first write is due at once', () => {
  expect(new Pace().delay(0)).toBe(0);
});

test('who fights back is answered ever more slowly, at most every five minutes', () => {
  const pace = new Pace();
  let now = 0;
  const waits: number[] = [];
  while (now < HOUR) {
    pace.wrote(now);
    const wait = pace.delay(now);
    waits.push(wait / 1000);
    now += wait;
  }
  expect(waits.slice(0, 11)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  expect(waits.length).toBeLessThan(25);
});

test('after ten quiet minutes a write is due at once again, and the pace begins anew', () => {
  const pace = new Pace();
  for (const now of [0, 1000, 3000]) pace.wrote(now);
  expect(pace.delay(3000)).toBe(4000);
  expect(pace.delay(3000 + 600_000)).toBe(0);
  pace.wrote(3000 + 600_000);
  expect(pace.delay(3000 + 600_000)).toBe(1000);
});
