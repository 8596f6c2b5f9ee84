import { expect, test } from 'vitest';
import { loadOf, nameOf, rowsOf } from './rows.ts';

test('without filters there are all rows, and neighbours differ in their cap', () => {
  const rows = rowsOf([]);
  expect(rows).toHaveLength(3 * 2 * 4 * 4 + 4);
  expect(new Set(rows.map(nameOf)).size).toBe(rows.length);
  expect(rows.slice(0, 3).map(({ cap }) => cap)).toEqual(['10M', '100M', '1G']);
});

test('at 60 Mbit/s only four of bbr are measured', () => {
  expect(rowsOf(['60M']).map(nameOf)).toEqual([
    '60M ingress bbr noecn four',
    '60M egress bbr noecn four',
    '60M ingress bbr ecn four',
    '60M egress bbr ecn four',
  ]);
});

test('a filter keeps rows that have all its words, whatever their order, and several add up', () => {
  expect(rowsOf(['egress 10M']).map(({ cap, direction }) => `${cap} ${direction}`)).toEqual(
    new Array(16).fill('10M egress'),
  );
  expect(rowsOf(['10M,flood', '1G flood'])).toHaveLength(16);
  expect(rowsOf(['10M ecn four cubic'])).toHaveLength(2);
  expect(rowsOf(['2G'])).toEqual([]);
});

test('a flood is five times its cap, in bytes', () => {
  const [row] = rowsOf(['100M flood']);
  expect(loadOf(row!).floodBytesPerSecond).toBe(62_500_000);
});
