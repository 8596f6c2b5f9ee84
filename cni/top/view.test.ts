import { describe, expect, test } from 'vitest';
import type { Flow } from '../status/flows.ts';
import type { LimitStatus, NodeStatus } from '../status/node-status.ts';
import { limitStatus, verdictsOf } from '../testing/limit-status.ts';
import { fitted } from './screen.ts';
import { ordered, picture, type Row, rowsOf, sparkline } from './view.ts';

const limitOf = (pod: string, rate: number | undefined, packets: Record<string, bigint> = {}): LimitStatus =>
  limitStatus({
    pod,
    containerId: pod,
    rateBitsPerSecond: rate,
    verdicts: verdictsOf((name) => ({ packets: packets[name] ?? 0n, bytes: 0n })),
  });
const statusOf = (...limits: LimitStatus[]): NodeStatus => ({ limits, unlimited: [], notes: [] });
const names = (rows: readonly Row[]): string[] => rows.map(({ limit }) => limit.pod);

describe('rows', () => {
  test('have the packets a second since the picture before', () => {
    const first = rowsOf(statusOf(limitOf('web', 1e6, { paced: 100n, dropped: 5n })), [], 2);
    expect(first).toMatchObject([{ waiting: undefined, dropped: undefined, share: 0.1 }]);
    const later = limitOf('web', 2e6, { paced: 140n, marked: 10n, dropped: 5n, 'dropped-early': 4n });
    expect(rowsOf(statusOf(later), first, 2)).toMatchObject([
      { waiting: 25, dropped: 2, history: [0.1, 0.2] },
    ]);
  });

  test('of a Pod whose counters began anew are never negative', () => {
    const first = rowsOf(statusOf(limitOf('web', 1e6, { paced: 100n })), [], 2);
    expect(rowsOf(statusOf(limitOf('web', 1e6, { paced: 1n })), first, 2)).toMatchObject([{ waiting: 0 }]);
  });

  test('come in the order asked for, and those alike by their names', () => {
    const before = rowsOf(statusOf(limitOf('b', 1), limitOf('a', 1), limitOf('c', 9)), [], 1);
    const rows = rowsOf(
      statusOf(limitOf('b', 1, { paced: 9n }), limitOf('a', 1), limitOf('c', 9, { dropped: 1n })),
      before,
      1,
    );
    expect(names(ordered(rows, 'n'))).toEqual(['a', 'b', 'c']);
    expect(names(ordered(rows, 'r'))).toEqual(['c', 'a', 'b']);
    expect(names(ordered(rows, 'w'))).toEqual(['b', 'a', 'c']);
    expect(names(ordered(rows, 'd'))).toEqual(['c', 'a', 'b']);
  });
});

test('a sparkline has a block for the cap and for what is above it, and a mark for the least traffic', () => {
  expect(sparkline([0, 0.001, 0.5, 1, 1.4])).toBe(' ▁▄██');
});

test('a picture has a line a limit, and its heaviest flows below where they are wanted', () => {
  const flows = [5, 4, 3, 2].map(
    (rate): Flow => ({
      protocol: 'tcp',
      source: `10.0.0.1:${rate}`,
      destination: '10.0.0.2:80',
      id: undefined,
      bytes: 1,
      bitsPerSecond: rate * 1e6,
    }),
  );
  const rows = rowsOf(statusOf({ ...limitOf('web', 5e6), flows }, limitOf('idle', undefined)), [], 2);
  const { headings, lines } = picture(rows, { order: 'r', flows: true });
  expect(headings).toMatch(/^POD +INTERFACE +DIRECTION +CAP +RATE +OF CAP +WAIT\/S +DROP\/S +LATELY$/);
  expect(lines[0]).toMatch(/^team-a\/web +eth0 +egress +10Mbit\/s +5Mbit\/s +50% +- +- +▄ +\|$/);
  expect(lines.slice(1, 5).map((line) => line.trim())).toEqual([
    '5Mbit/s  tcp 10.0.0.1:5 -> 10.0.0.2:80',
    '4Mbit/s  tcp 10.0.0.1:4 -> 10.0.0.2:80',
    '3Mbit/s  tcp 10.0.0.1:3 -> 10.0.0.2:80',
    'and 1 more',
  ]);
  expect(lines[5]).toMatch(/^team-a\/idle .* - +- /);
  expect(picture(rows, { order: 'r', flows: false }).lines).toHaveLength(2);
});

test('names tell the terminal nothing', () => {
  const { lines } = picture(rowsOf(statusOf(limitOf('web\x1b[2J\r', 1)), [], 2), { order: 'n', flows: true });
  expect(lines).toEqual([expect.stringMatching(/^team-a\/web\\x1b\[2J\\x0d +eth0 /)]);
});

test('what has no room is counted', () => {
  expect(fitted(['abcdef', 'b', 'c'], 4, 3)).toEqual(['abcd', 'b', 'c']);
  expect(fitted(['a', 'b', 'c', 'd'], 30, 3)).toEqual(['a', 'b', '... and 2 more lines']);
});
