#!/usr/bin/env node
// `npm run bench -- NAME [--json] [...]`: one benchmark, both sides of its comparison from one run. With --write what it
// prints goes into docs/performance.md as well; live has a page of its own.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { writeFigures } from './bench/page.mjs';
import { ensureApt, ensureNodeModules, projectRoot } from './bootstrap.mjs';
import { VM_PACKAGES } from './vm-packages.mjs';

const folder = path.join(projectRoot, 'bench');
const names = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, 'main.ts')));
const [name, ...given] = process.argv.slice(2);
const rest = name === 'live' ? given : given.filter((each) => each !== '--write');
const writes = rest.length < given.length;
if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `usage: npm run bench -- NAME [--json | --write]\nNAME is one of: ${names.join(', ')}\n`,
  );
  process.exit(2);
}
ensureNodeModules();
if (!rest.includes('--help') && !rest.includes('-h')) prepare();
const tsx = path.join(projectRoot, 'node_modules', 'tsx', 'dist', 'cli.mjs');
const run = spawnSync(process.execPath, [tsx, path.join(folder, name, 'main.ts'), ...rest], {
  cwd: projectRoot,
  stdio: writes ? ['inherit', 'pipe', 'inherit'] : 'inherit',
  encoding: 'utf8',
});
if (writes) {
  process.stdout.write(run.stdout);
  if (run.status === 0) writeFigures([name, ...rest], run.stdout);
}
process.exit(run.status ?? 1);

/** What a benchmark needs besides npm packages. */
function prepare() {
  ensureApt(['iproute2', 'bpftool']);
  // Debian 12 and later have 19; its own `clang` is an older one, and better than none.
  if (ensureApt(['clang-19']).length > 0) ensureApt(['clang']);
  if (name === 'dataplane') ensureApt(['iperf3']);
  if (name === 'live')
    ensureApt(['containernetworking-plugins', ...(rest.includes('--kernel') ? VM_PACKAGES : [])]);
  if (name === 'live' || name === 'compile') {
    const build = spawnSync(process.execPath, ['scripts/build.mjs'], {
      cwd: projectRoot,
      stdio: ['ignore', 2, 2],
    });
    if (build.status !== 0) process.exit(build.status ?? 1);
  }
}
