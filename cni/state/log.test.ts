import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog } from './log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-log-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a line an event, for root alone, in a directory made at need', () => {
  const state = join(directory, 'state');
  const log = openLog(state, undefined);
  log('first');
  log('second\nof two lines\x1b[2J');
  const path = join(state, 'natra.log');
  expect(readFileSync(path, 'utf8')).toMatch(
    /^\S+Z \[\d+\] first\n\S+Z \[\d+\] second \| of two lines\\x1b\[2J\n$/,
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(state).mode & 0o777).toBe(0o700);
});

test('a full log makes room and is kept once', () => {
  const log = openLog(directory, undefined);
  const path = join(directory, 'natra.log');
  log('old');
  truncateSync(path, 1 << 20);
  log('new');
  expect(readFileSync(path, 'utf8')).toContain('new');
  expect(statSync(path).size).toBeLessThan(200);
  expect(statSync(`${path}.1`).size).toBe(1 << 20);
});

test('NATRA_LOG names another file, or none', () => {
  const path = join(directory, 'elsewhere.log');
  openLog(directory, path)('here');
  openLog(directory, 'off')('nowhere');
  expect(readFileSync(path, 'utf8')).toMatch(/here\n$/);
  expect(statSync(join(directory, 'natra.log'), { throwIfNoEntry: false })).toBeUndefined();
});
