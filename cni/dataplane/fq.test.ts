import { expect, test } from 'vitest';
import { fqOptions } from './fq.ts';

test('a slow Pod keeps the defaults of fq', () => {
  expect(fqOptions({ rateBitsPerSecond: 1e5 })).toEqual({ flowLimit: 100, limit: 10_000 });
});

test('a fast Pod has room for all that the program may let wait', () => {
  const { flowLimit = 0, limit = 0 } = fqOptions({ rateBitsPerSecond: 1e9 });
  const packetsPerSecond = 1e9 / 8 / 1514;
  expect(flowLimit).toBeGreaterThan(0.067 * packetsPerSecond);
  expect(limit).toBeGreaterThan(1.07 * packetsPerSecond);
});

test('the room is bounded', () => {
  expect(fqOptions({ rateBitsPerSecond: 1e15 })).toEqual({ flowLimit: 1 << 20, limit: 1 << 20 });
});
