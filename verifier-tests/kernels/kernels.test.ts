import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { KERNELS } from './matrix.ts';
import { type KernelRun, runKernel } from './run.ts';
import { stage } from './stage.ts';
import { boundsIn, exceeded } from './table.ts';
import { missingForVm } from './vm.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const OUT = path.join(ROOT, 'out', 'kernels-test');
const ROWS = KERNELS.filter(({ always }) => always);
const MINUTES = 60_000;

const runs = new Map<string, KernelRun>();

beforeAll(async () => {
  const staged = path.join(OUT, 'staged');
  await stage(staged);
  if (missingForVm() !== undefined) return;
  const all = ROWS.map((row) => runKernel(row, staged, path.join(OUT, row.name), () => {}));
  for (const run of await Promise.all(all)) runs.set(run.row.name, run);
}, 10 * MINUTES);

describe.each(ROWS.map(({ name }) => name))('natra on Debian kernel %s', (name) => {
  test('loads, attaches, agrees with the VM, limits live traffic and leaves nothing', ({ skip }) => {
    const run = runs.get(name);
    const reason = run === undefined ? missingForVm() : run.report === undefined ? run.failure : undefined;
    // Where a machine can't fetch or boot kernels that is no fault of natra's; in CI nobody would notice.
    if (reason !== undefined && !process.env.CI) skip(reason);
    expect(reason).toBeUndefined();
    const failed = run?.report?.checks.filter(({ outcome }) => outcome === 'failed');
    expect(failed).toEqual([]);
    expect(run?.failure).toBeUndefined();
  });

  test('gives the verifier no more work than docs/kernels.md says, and a tenth', ({ skip }) => {
    const run = runs.get(name);
    const document = path.join(ROOT, 'docs', 'kernels.md');
    if (run?.report === undefined) return skip('the kernel did not run');
    expect(existsSync(document)).toBe(true);
    expect(exceeded(run, boundsIn(readFileSync(document, 'utf8')))).toEqual([]);
  });
});
