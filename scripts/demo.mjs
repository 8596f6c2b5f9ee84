#!/usr/bin/env node
// `npm run demo` as one command after a fresh clone: installs what is missing, builds, runs the demo. All arguments
// are the demo's own (see --help).
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { canUseBpf, ensureApt, ensureNodeModules, projectRoot } from './bootstrap.mjs';

const args = process.argv.slice(2);
const wantsHelp = args.includes('--help');

/** Runs the demo in this terminal. It gets the terminal's own interrupts and cleans up; other signals are passed on. */
function runDemo(noBpf) {
  const program = path.join(projectRoot, 'scripts', 'demo', 'main.ts');
  const reason = noBpf === undefined ? [] : ['--simulate-because', noBpf];
  const demo = spawn(process.execPath, ['--import', 'tsx', program, ...reason, ...args], {
    cwd: projectRoot,
    stdio: 'inherit',
  });
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => demo.kill(signal));
  demo.on('close', (code) => {
    process.exitCode = code ?? 1;
  });
}

function main() {
  ensureNodeModules();
  if (wantsHelp) return runDemo();
  const bpf = canUseBpf();
  if (bpf.usable) ensureApt(['iproute2', 'containernetworking-plugins']);
  // The demo's own output is standard output's only content, for --json.
  const build = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: projectRoot,
    stdio: ['ignore', 2, 2],
  });
  if (build.status !== 0) {
    process.stderr.write('natra: the build failed, so there is nothing to show; see its words above\n');
    process.exitCode = 1;
    return;
  }
  runDemo(bpf.usable ? undefined : bpf.reason);
}

main();
