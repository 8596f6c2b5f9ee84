import { expect, test } from 'vitest';
import type { Figures, RowResult } from './compare.ts';
import { missesOf, tableOf } from './table.ts';

const figures = (changes: Partial<Figures> = {}): Figures => ({
  goodput: 9.5e6,
  shareOfCap: 0.99,
  wireShare: 1,
  fairness: 1,
  firstSecond: 1_300_000,
  fullestSecond: 1_400_000,
  allowedSecond: 1_500_000,
  burstUsed: 150_000,
  mice: { count: 200, failed: 0, p50: 0.001, p99: 0.004 },
  retransmitted: 3,
  congestionMarked: 0,
  ...changes,
});

const result = (natra: Partial<Figures>, load: RowResult['row']['load'] = 'elephant'): RowResult => ({
  row: { cap: '10M', direction: 'egress', congestion: 'cubic', ecn: false, load },
  figures: {
    idle: figures({ mice: { count: 100, failed: 0, p50: 0.001, p99: 0.003 } }),
    natra: figures(natra),
  },
});

test.each([
  ['goodput below 97%', 'elephant', { shareOfCap: 0.96 }],
  ['more than the cap on the wire', 'elephant', { wireShare: 1.02 }],
  ['a second above cap and burst', 'elephant', { fullestSecond: 1_600_000 }],
  [
    'mice that wait twice as long as alone',
    'elephant',
    { mice: { count: 9, failed: 0, p50: 0.001, p99: 0.01 } },
  ],
  ['elephants that share unfairly', 'four', { fairness: 0.9 }],
] as const)('%s is a miss', (_, load, changes) => {
  expect(missesOf(result({}, load), false)).toEqual([]);
  expect(missesOf(result(changes, load), false)).toHaveLength(1);
});

test('segments sent again are a miss only where departure times hold packets back', () => {
  expect(missesOf(result({}), true)).toEqual(['10M egress cubic noecn elephant: 3 segments resent (0)']);
});

test('a table names each row once and has a line for each limiter', () => {
  const lines = tableOf([
    result({}),
    result({ mice: { count: 2, failed: 2, p50: undefined, p99: Infinity } }),
  ]).split('\n');
  expect(lines.filter((line) => line.startsWith('10M egress'))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('natra'))).toHaveLength(2);
  expect(lines.at(-1)).toContain('never');
});
