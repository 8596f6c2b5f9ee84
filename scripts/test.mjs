#!/usr/bin/env node
// The tests as one command after a fresh clone: installs what is missing, builds, runs unit, property and kernel
// tests, and ends with `N passed, N failed, N skipped`. Arguments go to vitest (a file or a name filter).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { canUseBpf, ensureApt, ensureNodeModules, projectRoot } from './bootstrap.mjs';
import { VM_PACKAGES } from './vm-packages.mjs';

/** Where test files leave what they covered of programs/, and what of it must be covered, in percent. */
const COVERAGE = path.join(projectRoot, 'out', 'coverage');
const THRESHOLDS = ['--lines', '97', '--branches', '90'];

/** The container runtimes that natra is proved on (verifier-tests/runtimes), and the image's only program. */
const RUNTIMES = ['containerd', 'runc', 'podman', 'busybox-static'];

const say = (words) => process.stdout.write(`natra: ${words}\n`);

/** Runs vitest on one project; gives the counts of its JSON report, or one failure where there is no report. */
function runProject(project, filters) {
  const report = path.join(projectRoot, 'out', `test-${project}.json`);
  rmSync(report, { force: true });
  const vitest = path.join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [
    'run',
    '--project',
    project,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...filters,
  ];
  const run = spawnSync(process.execPath, [vitest, ...args], {
    cwd: projectRoot,
    env: { ...process.env, NATRA_COVERAGE: COVERAGE },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    return countsOf(JSON.parse(readFileSync(report, 'utf8')), run.status);
  } catch (error) {
    say(`vitest left no report for the ${project} tests: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The counts of a JSON report. Every skipped test is named, and in CI, where nobody would notice, it has failed. */
function countsOf({ numPassedTests, numFailedTests, testResults }, status) {
  // A file that fails to load has no tests of its own but must count.
  const brokenFiles = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  const skipped = testResults
    .flatMap((file) => file.assertionResults)
    .filter((test) => ['pending', 'skipped', 'todo'].includes(test.status));
  for (const test of skipped) say(`skipped: ${test.fullName}`);
  const known = numFailedTests + brokenFiles + (process.env.CI ? skipped.length : 0);
  const failed = known === 0 && status !== 0 ? 1 : known;
  return { passed: numPassedTests, failed, skipped: process.env.CI ? 0 : skipped.length };
}

/** Adds up what the tests covered of programs/; one failure where it is too little. */
function reportCoverage() {
  const tsx = path.join(projectRoot, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const main = path.join(projectRoot, 'scripts', 'coverage', 'main.ts');
  const { status } = spawnSync(process.execPath, [tsx, main, COVERAGE, ...THRESHOLDS], {
    cwd: projectRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

function main() {
  const filters = process.argv.slice(2);
  mkdirSync(path.join(projectRoot, 'out'), { recursive: true });
  ensureNodeModules();
  const bpf = canUseBpf();
  if (bpf.usable)
    ensureApt([
      'iproute2',
      'containernetworking-plugins',
      'bpftool',
      'llvm',
      'clang',
      'tshark',
      ...RUNTIMES,
      ...VM_PACKAGES,
    ]);
  const build = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: projectRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (build.status !== 0) say('the build failed; tests that need it will fail too');
  rmSync(COVERAGE, { recursive: true, force: true });
  mkdirSync(COVERAGE, { recursive: true });
  const totals = [runProject('unit', filters)];
  if (bpf.usable) totals.push(runProject('kernel', filters), runProject('volumes', filters));
  else {
    say(
      `kernel tests are skipped: ${bpf.reason}. The dataplane has still run in the interpreter and in the BPF VM.`,
    );
    totals.push(process.env.CI ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 });
  }
  // Some of the tests, or the unit tests alone, cover only some of it.
  if (bpf.usable && filters.length === 0) totals.push(reportCoverage());
  if (build.status !== 0) totals.push({ passed: 0, failed: 1, skipped: 0 });
  const sum = (key) => totals.reduce((total, counts) => total + counts[key], 0);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
}

main();
