import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { boundsIn, exceeded } from './document.ts';
import { KERNELS, kernelRow } from './matrix.ts';
import { type Job, runAll } from './pool.ts';
import type { KernelRun } from './run.ts';
import { stage } from './stage.ts';
import { missingForVm } from './vm.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const OUT = path.join(ROOT, 'out', 'kernels-test');
const MINUTES = 60_000;
/** Of the short soak; the long one is `npm run kernels -- --soak`. */
const SOAK = { title: 'soak', row: kernelRow('6.12'), seconds: 35 };

/** The longest first, so that two VMs at a time end together. */
const ROWS = [
  ...KERNELS.filter(({ inTests }) => inTests === 'whole'),
  ...KERNELS.filter(({ inTests }) => inTests === 'short'),
];

const runs = new Map<string, KernelRun>();

function jobs(staged: string): (Job & { readonly title: string })[] {
  const job = (title: string, more: Pick<Job, 'row' | 'depth' | 'soakSeconds'>) => ({
    title,
    ...more,
    staged,
    share: path.join(OUT, title),
    // Virtual time repeats whatever else the machine has to do; KVM would be quicker and wouldn't.
    mayUseKvm: false,
  });
  return [
    ...ROWS.map((row) =>
      job(row.name, { row, depth: row.inTests === 'whole' ? 'whole' : 'short', soakSeconds: undefined }),
    ),
    job(SOAK.title, { row: SOAK.row, depth: 'short', soakSeconds: SOAK.seconds }),
  ];
}

beforeAll(async () => {
  if (missingForVm() !== undefined) return;
  const staged = path.join(OUT, 'staged');
  await stage(staged);
  const all = jobs(staged);
  const results = await runAll(all, 2, () => {});
  for (const [index, { title }] of all.entries()) {
    const run = results[index];
    if (run !== undefined) runs.set(title, run);
  }
}, 20 * MINUTES);

/** Why a run has no report, where that is no fault of natra's; in CI nobody would notice, so there it is one. */
function whyNot(title: string): string | undefined {
  const run = runs.get(title);
  if (run === undefined) return missingForVm() ?? 'it was not started';
  return run.report === undefined ? run.failure : undefined;
}

const failedIn = (title: string) =>
  runs.get(title)?.report?.checks.filter(({ outcome }) => outcome === 'failed');

describe.each(ROWS.map(({ name }) => name))('natra on Debian kernel %s', (name) => {
  test('loads, attaches, agrees with the VM, limits live traffic and leaves nothing', ({ skip }) => {
    const reason = whyNot(name);
    if (reason !== undefined && !process.env.CI) skip(reason);
    expect(reason).toBeUndefined();
    expect(failedIn(name)).toEqual([]);
    expect(runs.get(name)?.failure).toBeUndefined();
  });

  test('gives the verifier no more work than docs/kernels.md says, and a tenth', ({ skip }) => {
    const run = runs.get(name);
    const document = path.join(ROOT, 'docs', 'kernels.md');
    if (run?.report === undefined) return skip('the kernel did not run');
    expect(existsSync(document)).toBe(true);
    expect(exceeded(run, boundsIn(readFileSync(document, 'utf8')))).toEqual([]);
  });
});

test('Pods that come and go with all kinds of traffic leave the kernel as it was', ({ skip }) => {
  const reason = whyNot(SOAK.title);
  if (reason !== undefined && !process.env.CI) skip(reason);
  expect(reason).toBeUndefined();
  expect(failedIn(SOAK.title)).toEqual([]);
  expect(runs.get(SOAK.title)?.failure).toBeUndefined();
});
