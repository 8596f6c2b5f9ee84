#!/usr/bin/env node
// `npm run kernels [-- NAME...]`: natra on Debian's kernels in QEMU (verifier-tests/kernels; --help tells its options).
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ensureApt, ensureNodeModules, projectRoot } from './bootstrap.mjs';
import { ARM64_PACKAGES, VM_PACKAGES } from './vm-packages.mjs';

ensureNodeModules();
ensureApt(['iproute2', ...VM_PACKAGES, ...(process.argv.includes('arm64') ? ARM64_PACKAGES : [])]);
const build = spawnSync(process.execPath, ['scripts/build.mjs'], {
  cwd: projectRoot,
  stdio: ['ignore', 2, 2],
});
if (build.status !== 0) process.exit(1);
const program = path.join(projectRoot, 'verifier-tests', 'kernels', 'main.ts');
const run = spawnSync(process.execPath, ['--import', 'tsx', program, ...process.argv.slice(2)], {
  cwd: projectRoot,
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
