import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { delayCounts, delayQuantile } from './delays.ts';

const buckets = [1n, 0n, 97n, 2n, 0n, 0n];

test('each count says below which time its packets waited, and empty ends are left out', () => {
  expect(delayCounts(buckets)).toEqual([
    { belowNanoseconds: 2048, packets: 1 },
    { belowNanoseconds: 4096, packets: 0 },
    { belowNanoseconds: 8192, packets: 97 },
    { belowNanoseconds: 16_384, packets: 2 },
  ]);
});

test('a quantile is the end of the bucket in which it lies', () => {
  const counts = delayCounts(buckets);
  expect([0.01, 0.5, 0.98, 0.99, 1].map((quantile) => delayQuantile(counts, quantile))).toEqual([
    2048, 8192, 8192, 16_384, 16_384,
  ]);
  for (const nothing of [[], [{ belowNanoseconds: 2048, packets: 0 }]])
    expect(delayQuantile(nothing, 0.5)).toBeUndefined();
});

test('the kernel program has buckets of the same width', () => {
  const source = readFileSync(new URL('../../programs/count.ts', import.meta.url), 'utf8');
  expect(source).toContain('const BUCKET_SHIFT: i64 = 10n;');
  expect(source).toContain('const BUCKETS = 32;');
});
