import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'natra-entry-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the contributor's entry as a process of its own. */
function natra(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/natra.mjs', ...argv], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('the bundled command line compiles natra’s programs, with and without its code cache', () => {
  const object = path.join(folder, 'ingress.o');
  for (const run of ['first', 'second']) {
    expect(natra('compile', 'programs/ingress.ts', '-o', object), run).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(existsSync(object)).toBe(true);
    rmSync(object);
  }
  expect(existsSync(path.join(root, 'build/natra-dev.cjs.cache'))).toBe(true);
}, 120_000);

test('the exit status says what happened', () => {
  const wrong = path.join(folder, 'wrong.ts');
  writeFileSync(wrong, 'let seen = 0;\n');
  const { status, stdout } = natra('check', wrong);
  expect(status).toBe(1);
  expect(stdout).toContain('error N1016');
  expect(natra('levitate').status).toBe(2);
});
