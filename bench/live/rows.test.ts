import { expect, test } from 'vitest';
import { loadOf, nameOf, rowsOf } from './rows.ts';

test('without filters there are all usual rows, or all of them', () => {
  const usual = rowsOf([], false);
  expect(usual).toHaveLength(3 * 2 * (4 + 3));
  expect(rowsOf([], true)).toHaveLength(3 * 2 * 4 * 4);
  expect(new Set(usual.map(nameOf)).size).toBe(usual.length);
  expect(usual.every((row) => row.load === 'elephant' || (row.congestion === 'cubic' && !row.ecn))).toBe(
    true,
  );
});

test('a filter keeps rows that have all its words, whatever their order, and several add up', () => {
  expect(rowsOf(['egress 10M'], false).map(({ cap, direction }) => `${cap} ${direction}`)).toEqual(
    new Array(7).fill('10M egress'),
  );
  expect(rowsOf(['10M,flood', '1G flood'], false)).toHaveLength(4);
  expect(rowsOf(['10M ecn four cubic'], true)).toHaveLength(2);
  expect(rowsOf(['2G'], true)).toEqual([]);
});

test('a flood is five times its cap, in bytes', () => {
  const [row] = rowsOf(['100M flood'], false);
  expect(loadOf(row!).floodBytesPerSecond).toBe(62_500_000);
});
