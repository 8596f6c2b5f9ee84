import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepEnsured } from './watch.ts';

let directory: string;
let stop: AbortController;
let ended: Promise<void>;
let failures: unknown[];
let writes: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-watch-'));
  stop = new AbortController();
  failures = [];
  writes = 0;
});
afterEach(async () => {
  stop.abort();
  await ended;
  rmSync(directory, { recursive: true, force: true });
});

const file = (): string => join(directory, 'list');
const content = (): string => readFileSync(file(), 'utf8');
const OURS = 'with natra';

/** Stands for an installation: the file's text is to be `OURS`. */
function ensure(): boolean {
  if (content() === OURS) return false;
  writeFileSync(file(), OURS);
  writes++;
  return true;
}

/** A poll that no test waits for, unless it is about polling. */
function start(pollMilliseconds = 600_000): void {
  const onFailure = (error: unknown): void => void failures.push(error);
  ended = keepEnsured({ directory, ensure, onFailure, pollMilliseconds }, stop.signal);
}

test('natra is put in at the start and whenever another rewrites the file', async () => {
  writeFileSync(file(), 'main plugin');
  start();
  await expect.poll(content).toBe(OURS);
  writeFileSync(file(), 'main plugin again');
  await expect.poll(content, { timeout: 10_000 }).toBe(OURS);
  expect(writes).toBe(2);
});

test('a writer that fights back causes no storm', async () => {
  writeFileSync(file(), 'main plugin');
  start();
  const until = performance.now() + 4000;
  let fought = 0;
  while (performance.now() < until) {
    if (content() === OURS) {
      writeFileSync(file(), 'main plugin');
      fought++;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // After 0, 1 and 3 s.
  expect(writes).toBeGreaterThanOrEqual(2);
  expect(writes).toBeLessThanOrEqual(4);
  expect(fought).toBeGreaterThanOrEqual(2);
});

test('a folder that is not there is told of once and found by the poll', async () => {
  rmSync(directory, { recursive: true });
  start(50);
  await expect.poll(() => failures.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(failures).toHaveLength(1);
  mkdirSync(directory);
  writeFileSync(file(), 'main plugin');
  await expect.poll(content, { timeout: 10_000 }).toBe(OURS);
});

test('it ends at once when it is told to', async () => {
  writeFileSync(file(), 'main plugin');
  start();
  await expect.poll(content).toBe(OURS);
  const before = performance.now();
  stop.abort();
  await ended;
  expect(performance.now() - before).toBeLessThan(1000);
});
