import { expect, test } from 'vitest';
import { aligned, duration, percentage, quantity } from './format.ts';

test.each([
  [0, '0'],
  [999, '999'],
  [999.6, '1k'],
  [1000, '1k'],
  [12_345, '12.3k'],
  [99_960, '100k'],
  [123_456, '123k'],
  [999_600, '1M'],
  [1e15, '1P'],
  [12e18, '12000P'],
])('%d is %s', (value, expected) => {
  expect(quantity(value)).toBe(expected);
});

test('a unit follows the prefix', () => {
  expect(quantity(10e6, 'bit/s')).toBe('10Mbit/s');
});

test('times have three digits and a unit', () => {
  expect([0, 512, 2048, 33_554_432, 1_073_741_824, 4e12].map(duration)).toEqual([
    '0ns',
    '512ns',
    '2.05µs',
    '33.6ms',
    '1.07s',
    '4000s',
  ]);
});

test('a share tells nothing from next to nothing', () => {
  expect([0, 1e-9, 0.0125, 1].map(percentage)).toEqual(['0', '<0.01%', '1.25%', '100%']);
});

test('columns line up, numbers to the right', () => {
  const rows = [
    ['POD', 'CAP'],
    ['team/web', '1k'],
    ['a', '100M'],
  ];
  expect(aligned(rows, 1)).toEqual(['POD        CAP', 'team/web    1k', 'a         100M']);
});
