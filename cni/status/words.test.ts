import { expect, test } from 'vitest';
import { limitStatus } from '../testing/limit-status.ts';
import { picture, rowsOf } from '../top/view.ts';
import { table } from './command.ts';
import type { LimitStatus, UnlimitedStatus } from './node-status.ts';

const ofSandbox = (containerId: string, pod = 'web') => limitStatus({ containerId, pod, faults: ['gone'] });
const unlimitedOf = (containerId: string): UnlimitedStatus => ({
  namespace: 'team-a',
  pod: 'web',
  containerId,
  interface: 'eth0',
  at: '2026-01-01T00:00:00Z',
  wanted: {},
  error: 'refused',
});
const told = (limits: readonly LimitStatus[], unlimited: readonly UnlimitedStatus[] = []): string =>
  table({ limits, unlimited, notes: [] }, false);

test('a Pod whose former sandbox is still on record is told apart from it by the ids', () => {
  const limits = [ofSandbox('5a1e06f0c7b2d93b'), ofSandbox('e77b01aa'), ofSandbox('c0ffee', 'other')];
  const lines = told(limits, [unlimitedOf('0ddba11')]);
  expect(lines).toContain('not in force: team-a/web (5a1e06f0c7b2d) eth0 egress: gone');
  expect(lines).toContain('not in force: team-a/web (e77b01aa) eth0 egress: gone');
  expect(lines).toContain('NOT LIMITED: team-a/web (0ddba11) eth0: ');
  expect(lines).toContain('not in force: team-a/other eth0 egress: gone');
  const view = { order: 'n', flows: false } as const;
  const { lines: rows } = picture(rowsOf({ limits, unlimited: [], notes: [] }, [], 1), view);
  expect(rows.map((row) => row.split('  ')[0])).toEqual([
    'team-a/other',
    'team-a/web (5a1e06f0c7b2d)',
    'team-a/web (e77b01aa)',
  ]);
});

test('several interfaces and directions of one sandbox need no id', () => {
  const limits = [ofSandbox('c1'), { ...ofSandbox('c1'), interface: 'net1' }];
  expect(told(limits)).toContain('not in force: team-a/web net1 egress: gone');
});

test('where the runtime names no Pod the id is the name', () => {
  const limits = ['5a1e06f0c7b2d93b', 'e77b01aa'].map((id) => ofSandbox(id, ''));
  expect(told(limits)).toContain('not in force: 5a1e06f0c7b2d eth0 egress: gone');
});
