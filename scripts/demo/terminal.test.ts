import { describe, expect, it } from 'vitest';
import { phase, report } from './fixture.ts';
import { formatBytes, formatRate, formatSeconds, formatShare } from './format.ts';
import { latencyPosition } from './scale.ts';
import { renderTable } from './table.ts';
import { renderReport, sparkline } from './terminal.ts';

describe('formats', () => {
  it('scale to the unit with at most three digits', () => {
    expect([999, 9_980_000, 10_000_000, 13_572_610_000].map(formatRate)).toEqual([
      '999 bit/s',
      '9.98 Mbit/s',
      '10 Mbit/s',
      '13.6 Gbit/s',
    ]);
    expect([250_000, 1_500_000].map(formatBytes)).toEqual(['250 kB', '1.5 MB']);
    expect([0.00027, 0.0123, 1.031, Number.POSITIVE_INFINITY, undefined].map(formatSeconds)).toEqual([
      '0.27 ms',
      '12 ms',
      '1.03 s',
      'never',
      '-',
    ]);
    expect([0.9967, undefined].map(formatShare)).toEqual(['99.7%', '-']);
  });
});

describe('latencyPosition', () => {
  it('is logarithmic between its ends and stays inside', () => {
    expect([0.0001, 0.001, 0.01, 10].map((s) => Math.round(latencyPosition(s) * 10) / 10)).toEqual([
      0, 0.2, 0.4, 1,
    ]);
    expect(latencyPosition(0.00001)).toBe(0);
    expect(latencyPosition(Number.POSITIVE_INFINITY)).toBe(1);
  });
});

describe('renderTable', () => {
  it('aligns columns to their widest cell and draws rules between groups', () => {
    const lines = renderTable(
      [
        { title: 'a', value: (row: string) => row, align: 'left' },
        { title: 'size', value: (row: string) => String(row.length) },
      ],
      ['x', undefined, 'long'],
    );
    expect(lines).toEqual(['a     size', '──────────', 'x        1', '──────────', 'long     4']);
  });
});

describe('sparkline', () => {
  it('stands at one height for the cap, lower below it and higher above', () => {
    const series = [0, 1_000_000, 5_000_000, 10_000_000, 12_000_000, 90_000_000];
    const drawn = sparkline(
      phase('natra', 'ingress', 0.001, { series: series.map((rate, index) => ({ time: index, rate })) }),
    );
    expect(drawn).toBe(' ▁▃▆▇█');
  });
});

describe('renderReport', () => {
  const printed = renderReport(report());

  it('has a row for each phase and its figures', () => {
    const rows = printed.split('\n').filter((line) => line.includes('99.3%') && line.includes('120'));
    expect(rows).toHaveLength(4);
    expect(printed).toContain('450 ms');
  });

  it('shows verdicts that occurred and leaves out those that did not', () => {
    expect(printed).toMatch(/10 Mbit\/s\s+ingress\s+mice, passed\s+1,234\s+1\.5 MB/);
    expect(printed).not.toMatch(/ingress\s+paced/);
  });

  it('marks each promise as kept or missed', () => {
    expect(printed.split('\n').filter((line) => line.startsWith('✓'))).toHaveLength(7);
    const bad = renderReport(report({ leftovers: ['qdisc fq'] }));
    expect(bad).toContain('✗ left behind: qdisc fq');
  });
});
