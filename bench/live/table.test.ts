import { expect, test } from 'vitest';
import type { RowResult } from './cases.ts';
import { figuresOf } from './fixture.ts';
import { withTables } from './page.ts';
import { tableOf, tablesOf, unlimitedTable } from './table.ts';

const result = (cap: RowResult['row']['cap'], figures: RowResult['figures']): RowResult => ({
  row: { cap, direction: 'egress', congestion: 'bbr', ecn: true, load: 'elephant' },
  figures,
});
const slow = figuresOf({ mice: { count: 2, failed: 2, p50: 0.012, p99: Number.POSITIVE_INFINITY } });

test('a row shows natra beside the plugin bandwidth, and what natra missed', () => {
  const { head, rows } = tableOf(
    'elephant',
    [
      result('100M', { natra: figuresOf({ shareOfCap: 0.9, retransmitted: 3 }) }),
      result('10M', { idle: figuresOf(), natra: figuresOf(), bandwidth: slow }),
      result('1G', { bandwidth: slow }),
    ],
    true,
  );
  const column = (title: string) => rows.map((row) => row[head.indexOf(title)]);
  expect(column('cap')).toEqual(['10M', '100M']);
  expect(column('TCP')).toEqual(['bbr, ECN', 'bbr, ECN']);
  expect(column('p50, ms')).toEqual(['1.0 / 12', '1.0 / -']);
  expect(column('p99, ms')).toEqual(['4.0 / never', '4.0 / -']);
  expect(column('first second, %')[0]).toBe('104 / 104');
  expect(column('burst, ms')[0]).toBe('120 / 120');
  expect(column('missed')).toEqual(['none', 'goodput, resent']);
});

test('what passes without a limit stands in a table of its own', () => {
  const idle = figuresOf({ mice: { count: 9, failed: 0, p50: 0.002, p99: 0.02 } });
  const { rows } = unlimitedTable([result('1G', { idle, none: figuresOf({ goodput: 2.5e9 }) })]);
  expect(rows).toEqual([['egress', 'bbr', '2.0', '20', '2.5 Gbit/s', '-', '-']]);
});

test('the page keeps its words and gets other tables between the marks of the kernel', () => {
  const page = 'words\n<!-- bench: 6.12 -->\nold\n<!-- end: 6.12 -->\nmore\n';
  const made = withTables(page, '6.12', tablesOf([result('10M', { natra: figuresOf() })], true));
  expect(made).toContain('### One elephant\n');
  expect(made).not.toContain('old');
  expect(made).not.toContain('Four elephants');
  expect(made.startsWith('words\n')).toBe(true);
  expect(made.endsWith('<!-- end: 6.12 -->\nmore\n')).toBe(true);
  expect(() => withTables(page, '5.10', '')).toThrow('<!-- bench: 5.10 -->');
});
