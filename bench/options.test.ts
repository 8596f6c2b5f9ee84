import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

/** A benchmark as `npm run bench` starts it. */
function bench(name: string, ...args: readonly string[]) {
  const tsx = path.join(ROOT, 'node_modules/tsx/dist/cli.mjs');
  const main = path.join(ROOT, 'bench', name, 'main.ts');
  return spawnSync(process.execPath, [tsx, main, ...args], { cwd: ROOT, encoding: 'utf8' });
}

test.each(['accuracy', 'cni', 'codegen', 'compile', 'dataplane', 'live'])(
  '%s refuses an option that it has not in a line',
  (name) => {
    const { status, stdout, stderr } = bench(name, '--nonsense');
    expect(stderr).toMatch(/^bench: Unknown option '--nonsense'.*\n$/);
    expect([status, stdout]).toEqual([2, '']);
  },
);

test('a benchmark says what its options are', () => {
  const { status, stdout } = bench('cni', '--help');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^npm run bench -- cni \[options\]\n/);
  for (const option of ['--rounds N', '--json', '--write']) expect(stdout).toContain(`\n  ${option} `);
});

test('a benchmark refuses what is no number in a line', () => {
  const { status, stderr } = bench('cni', '--rounds=many');
  expect([status, stderr]).toEqual([2, 'bench: --rounds many: it must be a whole number from 1\n']);
});
