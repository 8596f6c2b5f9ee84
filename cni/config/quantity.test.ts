import { expect, test } from 'vitest';
import { parseQuantity } from './quantity.ts';

test.each([
  ['0', 0],
  ['10M', 10e6],
  ['1k', 1000],
  ['1Ki', 1024],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['.5M', 500_000],
  ['1.M', 1e6],
  ['+2G', 2e9],
  ['1P', 1e15],
  ['3T', 3e12],
  ['2u', 1],
  ['2500000u', 3],
  ['7Mi', 7 * 2 ** 20],
  ['3Ti', 3 * 2 ** 40],
  ['1Pi', 2 ** 50],
  ['1Ei', 2 ** 60],
  ['0.5', 1],
  ['1e+3', 1000],
  ['-0', 0],
  ['1E', 1e18],
  ['1e3', 1000],
  ['1E3', 1000],
  ['12e-1', 2],
  ['10m', 1],
  ['1500m', 2],
  ['1n', 1],
  ['0.000000000000000000001', 1],
  ['-1.5', -2],
  ['0e999999999', 0],
  ['1e999999999', Infinity],
])('%s is %d', (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

test.each([
  '',
  'M',
  '1K',
  '1MB',
  '1 M',
  ' 1',
  '1ki',
  '0x10',
  '1e',
  '1.2.3',
  '.',
  'NaN',
  '1e3M',
  '--1',
  '10mi',
  '+',
  '1e1.5',
  '1_000',
  '1,5M',
  '1M\n',
  '\u0661',
])('%j is no quantity', (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});
