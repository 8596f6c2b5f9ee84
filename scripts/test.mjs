#!/usr/bin/env node
// The tests as one command after a fresh clone: installs what is missing, builds, runs unit, property and kernel
// tests, and ends with `N passed, N failed, N skipped`. Arguments go to vitest (a file or a name filter).
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { canUseBpf, ensureApt, ensureNodeModules, projectRoot } from './bootstrap.mjs';
import { VM_PACKAGES } from './vm-packages.mjs';

/** Where test files leave what they covered of programs/, and what of it must be covered, in percent. */
const COVERAGE = path.join(projectRoot, 'out', 'coverage');
const THRESHOLDS = ['--lines', '97', '--branches', '90'];

/** How much of a failure's message is repeated at the end. */
const FAILURE_LINES = 12;

/** The container runtimes that natra is proved on (verifier-tests/runtimes), and the image's only program. */
const RUNTIMES = ['containerd', 'runc', 'podman', 'busybox-static'];

const say = (words) => process.stdout.write(`natra: ${words}\n`);

/**
 * Runs vitest on some projects; gives the counts of its JSON report, or one failure where there is no report. `beside`
 * other tests it has what these leave of the processors, and its words come when it has ended.
 */
async function runProjects(projects, filters, { beside = false } = {}) {
  const name = projects.join('-');
  const report = path.join(projectRoot, 'out', `test-${name}.json`);
  const log = path.join(projectRoot, 'out', `test-${name}.log`);
  rmSync(report, { force: true });
  const vitest = path.join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const command = [
    ...(beside ? ['nice', '-n', '10'] : []),
    process.execPath,
    vitest,
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...filters,
  ];
  const output = beside ? openSync(log, 'w') : 'inherit';
  const child = spawn(command[0], command.slice(1), {
    cwd: projectRoot,
    env: { ...process.env, NATRA_COVERAGE: COVERAGE },
    stdio: ['ignore', output, beside ? output : 'inherit'],
  });
  const [status] = await once(child, 'exit');
  if (beside) {
    closeSync(output);
    process.stdout.write(readFileSync(log));
  }
  try {
    const results = JSON.parse(readFileSync(report, 'utf8'));
    return { ...countsOf(results, status), failures: failuresOf(results) };
  } catch (error) {
    say(`vitest left no report for the ${name} tests: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/**
 * All tests. Those that change namespaces come one by one, beside them what only computes; at the end, when all processors
 * are free, those that measure.
 */
async function runAll(filters) {
  const beside = await Promise.all([
    runProjects(['kernel'], filters),
    runProjects(['unit', 'volumes', 'guests'], filters, { beside: true }),
  ]);
  return [...beside, await runProjects(['live'], filters)];
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

/** What has failed of a JSON report, each with the first lines of why: for the end, where nothing scrolls it away. */
function failuresOf({ testResults }) {
  const words = (file, name, messages) => {
    const why = messages.flatMap((message) => message.split('\n').slice(0, FAILURE_LINES));
    return [`${path.relative(projectRoot, file)}: ${name}`, ...why.map((line) => `    ${line}`)].join('\n');
  };
  return testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    if (status === 'failed' && assertionResults.length === 0) return [words(file, 'the file', [message])];
    return assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => words(file, test.fullName, test.failureMessages));
  });
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

async function main() {
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
  const totals = [];
  if (bpf.usable) totals.push(...(await runAll(filters)));
  else {
    totals.push(await runProjects(['unit'], filters));
    say(
      `kernel tests are skipped: ${bpf.reason}. The dataplane has still run in the interpreter and in the BPF VM.`,
    );
    totals.push(process.env.CI ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 });
  }
  // Some of the tests, or the unit tests alone, cover only some of it.
  if (bpf.usable && filters.length === 0) totals.push(reportCoverage());
  if (build.status !== 0) totals.push({ passed: 0, failed: 1, skipped: 0 });
  for (const failure of totals.flatMap((counts) => counts.failures ?? [])) say(`failed: ${failure}`);
  const sum = (key) => totals.reduce((total, counts) => total + counts[key], 0);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
}

await main();
