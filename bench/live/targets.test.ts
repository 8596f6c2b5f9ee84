import { expect, test } from 'vitest';
import type { Figures, RowResult } from './cases.ts';
import { figuresOf } from './fixture.ts';
import { missesOf } from './targets.ts';

const result = (
  natra: Partial<Figures>,
  load: RowResult['row']['load'],
  cap: RowResult['row']['cap'] = '10M',
): RowResult => ({
  row: { cap, direction: 'ingress', congestion: 'cubic', ecn: false, load },
  figures: {
    idle: figuresOf({ mice: { count: 100, failed: 0, p50: 0.001, p99: 0.003 } }),
    natra: figuresOf(natra),
  },
});
const mice = (p99: number) => ({ count: 9, failed: 0, p50: 0.001, p99 });

test.each([
  ['goodput below 97%', 'elephant', { shareOfCap: 0.96 }, 'goodput'],
  ['goodput above the cap', 'clients', { shareOfCap: 1.02 }, 'goodput'],
  ['more than cap and burst in some interval', 'flood', { burstUsed: 400_000 }, 'burst'],
  ['mice that wait twice as long as alone', 'elephant', { mice: mice(0.01) }, 'p99'],
  ['elephants that share unfairly', 'four', { fairness: 0.9 }, 'Jain'],
] as const)('%s is a miss', (_, load, changes, name) => {
  expect(missesOf(result({}, load), true)).toEqual([]);
  expect(missesOf(result(changes, load), true)).toEqual([name]);
});

test('segments sent again are a miss only where there is fq', () => {
  const resent = result({ retransmitted: 3 }, 'elephant');
  expect(missesOf(resent, true)).toEqual(['resent']);
  expect(missesOf(resent, false)).toEqual([]);
});

test('the burst is that of what natra chooses for the row', () => {
  const used = (ms: number, bitsPerSecond: number) => ({ burstUsed: (bitsPerSecond * ms) / 8000 });
  expect(missesOf(result(used(190, 10e6), 'flood'), true)).toEqual([]);
  expect(missesOf(result(used(210, 10e6), 'flood'), true)).toEqual(['burst']);
  expect(missesOf(result(used(190, 1e9), 'flood', '1G'), true)).toEqual([]);
});

test('beside a flood TCP has no goodput to reach', () => {
  expect(missesOf(result({ shareOfCap: 0.2 }, 'flood'), true)).toEqual([]);
});
