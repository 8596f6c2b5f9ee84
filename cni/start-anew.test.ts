import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KNOWN_SEED, startAnew } from './start-anew.ts';

/** More than a pipe holds. */
const LONG = 'x'.repeat(500_000);
const { argv, execArgv, execPath } = process;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'natra-anew-'));
  process.execArgv = [KNOWN_SEED];
});
afterEach(() => {
  Object.assign(process, { argv, execArgv, execPath });
  rmSync(folder, { recursive: true });
});

/** Has this process be one of Node.js that runs a script. */
function running(script: string): void {
  const file = join(folder, 'script.cjs');
  writeFileSync(file, script);
  process.argv = [execPath, file];
}

test.each([
  [
    'that has read it all',
    `process.exit(fs.readFileSync(0).length === ${LONG.length} && process.execArgv.length === 0 ? 5 : 6)`,
    5,
  ],
  ['that has read nothing', 'process.exit(5)', 5],
  ['that was killed', "fs.readFileSync(0); process.kill(process.pid, 'SIGKILL')", 1],
  ['that was killed before it read', "process.kill(process.pid, 'SIGKILL')", 1],
])('the exit status is that of the process %s', async (_, script, status) => {
  running(`const fs = require('node:fs'); ${script}`);
  expect(await startAnew(() => LONG)).toBe(status);
});

test('this process answers what is short, what comes without a known seed, and what no other can', async () => {
  running('process.exit(5)');
  expect(await startAnew(() => 'x'.repeat(16_384))).toBeUndefined();
  expect(await startAnew(() => 'x'.repeat(16_385))).toBe(5);
  process.execArgv = [];
  expect(await startAnew(() => LONG)).toBeUndefined();
  process.execArgv = [KNOWN_SEED];
  process.execPath = join(folder, 'none');
  expect(await startAnew(() => LONG)).toBeUndefined();
});
