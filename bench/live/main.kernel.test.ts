import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { abandonedIn, BPFFS } from './abandoned.ts';
import type { RowResult } from './cases.ts';
import { execute } from './command.ts';
import { NAMESPACE_DIRECTORY } from './namespace.ts';

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const run = (...args: string[]) =>
  execute(process.execPath, ['--import', loader, join(import.meta.dirname, 'main.ts'), ...args]);

test('the short run measures a row under each limiter, and both hold its cap', async () => {
  const { code, stdout, stderr } = await run('--short', '--json');
  expect(code, stderr).toBe(0);
  const [result, ...others] = JSON.parse(stdout) as RowResult[];
  expect(others).toEqual([]);
  const { idle, none, bandwidth, natra } = result?.figures ?? {};
  expect(idle?.mice.count).toBeGreaterThan(10);
  expect(none?.goodput).toBeGreaterThan(100e6);
  for (const limited of [bandwidth, natra]) {
    expect(limited?.goodput).toBeGreaterThan(5e6);
    expect(limited?.goodput).toBeLessThan(13e6);
    expect(limited?.mice.count).toBeGreaterThan(30);
  }
  for (const directory of [BPFFS, NAMESPACE_DIRECTORY, tmpdir()]) expect(abandonedIn(directory)).toEqual([]);
});

test.each([
  ['--kernel', 'running', 'it must be an amd64 kernel of Debian'],
  ['--only', 'tbf', 'it must be among idle, none, bandwidth, natra'],
])('%s %s is an error that says what it must be', async (option, value, words) => {
  const { code, stderr } = await run('--short', option, value);
  expect(code).toBe(1);
  expect(stderr).toContain(`${option} ${value}: ${words}`);
});

test('a row that there is not is an error that names it', async () => {
  const { code, stderr } = await run('--row', '2G egress');
  expect(code).toBe(1);
  expect(stderr).toContain('--row 2G egress: there is no such row');
});
