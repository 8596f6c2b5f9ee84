import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { addJson, addTo, type Counts, toJson } from './counts.ts';
import { rowsOf, tableOf, tracefileOf } from './report.ts';

const span = (line: number) => ({ line, column: 3, endLine: line, endColumn: 9 });
const half = (file = 'programs/a.ts'): Counts => {
  const counts: Counts = new Map();
  const ways = new Map<string | number, number>([
    ['true', 2],
    ['false', 0],
  ]);
  addTo(
    counts,
    file,
    new Map([
      [2, 2],
      [3, 0],
    ]),
    [{ span: span(2), ways }],
  );
  return counts;
};

test('counts of several test files add up, and survive being written', () => {
  const counts: Counts = new Map();
  addJson(counts, JSON.parse(JSON.stringify(toJson(half()))));
  addJson(counts, toJson(half()));
  expect([...counts.get('programs/a.ts')!.lines]).toEqual([
    [2, 4],
    [3, 0],
  ]);
  expect([...[...counts.get('programs/a.ts')!.branches.values()][0]!.ways]).toEqual([
    ['true', 4],
    ['false', 0],
  ]);
});

test('the table names what was missed', () => {
  expect(rowsOf(half()).total).toMatchObject({ lines: { hit: 1, all: 2 }, branches: { hit: 1, all: 2 } });
  expect(tableOf(half()).replaceAll(/ +/g, ' ')).toContain(
    'programs/a.ts lines 50.0% (1/2) branches 50.0% (1/2) missed: lines 3; ways 2:3 false\n',
  );
});

test('the tracefile is as lcov wants it', () => {
  expect(tracefileOf(half())).toBe(
    'SF:programs/a.ts\nDA:2,2\nDA:3,0\nLF:2\nLH:1\nBRDA:2,0,0,2\nBRDA:2,0,1,0\nBRF:2\nBRH:1\nend_of_record\n',
  );
});

const folder = mkdtempSync(path.join(tmpdir(), 'natra-coverage-'));
afterAll(() => rmSync(folder, { recursive: true }));

function report(...args: string[]) {
  const main = path.join(import.meta.dirname, 'main.ts');
  return spawnSync(process.execPath, ['--import', 'tsx', main, folder, ...args], { encoding: 'utf8' });
}

test('what is below a threshold fails, and so does nothing at all', () => {
  expect(report()).toMatchObject({ status: 1, stdout: `coverage: no test left counts in ${folder}\n` });
  writeFileSync(path.join(folder, '1.json'), JSON.stringify(toJson(half())));
  expect(report('--lines', '50', '--branches', '50').status).toBe(0);
  const { status, stdout } = report('--lines', '51', '--branches', '50');
  expect(status).toBe(1);
  expect(stdout).toContain('coverage: lines of the dataplane are at 50.0%, the threshold is 51%\n');
  writeFileSync(path.join(folder, '2.json'), JSON.stringify(toJson(half('programs/examples/b.ts'))));
  rmSync(path.join(folder, '1.json'));
  // Nothing of the dataplane is left to be below a threshold.
  expect(report('--lines', '51').status).toBe(0);
  writeFileSync(path.join(folder, '1.json'), JSON.stringify(toJson(half())));
  expect(report('--lines', '51').status).toBe(1);
  expect(readFileSync(path.join(folder, 'lcov.info'), 'utf8')).toContain('SF:programs/a.ts');
});
