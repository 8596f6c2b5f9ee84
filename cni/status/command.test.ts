import { expect, test } from 'vitest';
import { printable } from '../printable.ts';
import { limitStatus } from '../testing/limit-status.ts';
import { table } from './command.ts';

const ODD = 'web\x1b[2J\nnote: all is well';
const TOLD = 'web\\x1b[2J\\x0anote: all is well';

test('names are told on their line, and tell the terminal nothing', () => {
  const limit = limitStatus({
    pod: ODD,
    interface: '\x1b]0;',
    device: 'veth\r',
    faults: ['gone'],
    earlier: ['u32 by clsact'],
    unseen: 'EPERM',
  });
  const failed = { ...limit, at: 'then', error: 'EPERM', wanted: {} };
  const text = table({ limits: [limit], unlimited: [failed], notes: [ODD] }, false);
  expect(text.split('\n').filter((line) => printable(line) !== line)).toEqual([]);
  expect(text.split('\n').map((line) => line.split(TOLD)[0])).toEqual([
    expect.stringMatching(/^POD /),
    'team-a/',
    '',
    'team-a/',
    'not in force: team-a/',
    'perhaps not limited: team-a/',
    'perhaps not in force: team-a/',
    'NOT LIMITED: team-a/',
    'note: ',
    '',
  ]);
  expect(text).toContain('  tcx veth\\x0d egress  ');
});
