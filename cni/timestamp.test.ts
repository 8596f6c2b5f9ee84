import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timestamp } from './timestamp.ts';

test('any instant reads as a Date writes it', () => {
  const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: last }), (instant) => {
      expect(timestamp(instant)).toBe(new Date(instant).toISOString());
    }),
  );
});

test.each([
  '1970-01-01T00:00:00.000Z',
  '2000-02-29T23:59:59.999Z',
  '2100-03-01T00:00:00.000Z',
  '2400-12-31T12:34:56.789Z',
])('%s is itself', (text) => {
  expect(timestamp(Date.parse(text))).toBe(text);
});
