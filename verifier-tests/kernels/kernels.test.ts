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
/** What failed in a run that was repeated, by its title. */
const firstRuns = new Map<string, KernelRun>();

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
  const take = async (some: readonly (Job & { readonly title: string })[]): Promise<void> => {
    const results = await runAll(some, 2, () => {});
    for (const [index, { title }] of some.entries()) {
      const run = results[index];
      if (run !== undefined) runs.set(title, run);
    }
  };
  await take(all);
  // Traffic is measured, and an emulator can die: what failed has failed when it fails in a second run too. What the
  // kernel and the program decide alone fails both times.
  const again = all.filter(({ title }) => runs.get(title)?.failure !== undefined);
  for (const { title } of again) {
    const run = runs.get(title);
    if (run === undefined) continue;
    firstRuns.set(title, run);
    console.warn(`${title}, run again: ${run.failure}\n${JSON.stringify(failedIn(run), undefined, 2)}`);
  }
  await take(again);
}, 25 * MINUTES);

/** Why a run has no report, where that is no fault of natra's; in CI nobody would notice, so there it is one. */
function whyNot(title: string): string | undefined {
  const run = runs.get(title);
  if (run === undefined) return missingForVm() ?? 'it was not started';
  return run.report === undefined ? run.failure : undefined;
}

const failedIn = (run: KernelRun | undefined) =>
  run?.report?.checks.filter(({ outcome }) => outcome === 'failed') ?? [];

/** What failed in every run of it, as its last run saw it. */
function failedAlways(title: string) {
  const first = firstRuns.get(title);
  const names = new Set(failedIn(first).map(({ name }) => name));
  return failedIn(runs.get(title)).filter(({ name }) => first?.report === undefined || names.has(name));
}

/** Why a run came to no end at all; `undefined` where its checks tell. */
function failureOf(title: string): string | undefined {
  const run = runs.get(title);
  return failedIn(run).length > 0 ? undefined : run?.failure;
}

describe.each(ROWS.map(({ name }) => name))('natra on Debian kernel %s', (name) => {
  test('loads, attaches, agrees with the VM, limits live traffic and leaves nothing', ({ skip }) => {
    const reason = whyNot(name);
    if (reason !== undefined && !process.env.CI) skip(reason);
    expect(reason).toBeUndefined();
    expect(failedAlways(name)).toEqual([]);
    expect(failureOf(name)).toBeUndefined();
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
  expect(failedAlways(SOAK.title)).toEqual([]);
  expect(failureOf(SOAK.title)).toBeUndefined();
});
