/**
 * `npm run bench -- cni [--json] [--rounds N] [--pods N]`: what a CNI call costs, natra as it is installed beside Debian's `bandwidth` plugin
 * and an empty Node.js, in one run; then many Pods on one node. In a network namespace of its own; needs root.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeDirectory } from '../../loader/index.ts';
import { plainEnvironment } from '../environment.ts';
import { countOf, helpOf, optionsOf } from '../options.ts';
import { callOf, type InstalledNatra, natraIn, time } from './calls.ts';
import { manyPods } from './many-pods.ts';
import { timeVerbs } from './one-pod.ts';
import { type BenchPod, makePods, removePods } from './pods.ts';
import { privateMemory } from './private-memory.ts';
import { type Figures, print } from './report.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Says to the second start of this file that it is in the namespace already. */
const INSIDE = 'NATRA_BENCH_INSIDE';
/** Where a file is in memory, as it is in a node's /run, which has natra's records. */
const IN_MEMORY = '/dev/shm';

const HELP = helpOf('cni', {
  '--rounds N': 'how often each call is timed',
  '--pods N': 'Pods on one node at the end',
});

/** Builds natra and installs it, with its own Node.js, as a DaemonSet does. */
function installInto(folder: string): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { stdio: ['ignore', 2, 2] });
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'net.d'));
  const plugins = [{ type: 'bridge' }];
  writeFileSync(
    join(folder, 'net.d', '10-bench.conflist'),
    JSON.stringify({ cniVersion: '1.0.0', name: 'bench', plugins }),
  );
  const folders = [`--cni-bin-dir=${join(folder, 'bin')}`, `--conf-dir=${join(folder, 'net.d')}`];
  execFileSync(join(ROOT, 'dist', 'natra'), ['install', '--with-node', ...folders], { stdio: 'pipe' });
}

async function memoryOf(natra: InstalledNatra, pod: BenchPod, folder: string) {
  const add = callOf(natra, 'ADD', pod, 'both');
  const privateKilobytes = await privateMemory(folder, natra.file, [], add);
  time(natra.file, [], callOf(natra, 'DEL', pod, 'both'));
  const script = "require('fs').writeSync(1, 'x')";
  const nothing = { environment: plainEnvironment(), input: '' };
  return {
    privateKilobytes,
    privateNodeKilobytes: await privateMemory(folder, natra.node, ['-e', script], nothing),
  };
}

async function measure(rounds: number, pods: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'natra-bench-'));
  const state = mkdtempSync(join(IN_MEMORY, 'natra-bench-'));
  const pinDirectory = `/sys/fs/bpf/natra-bench-${process.pid}`;
  const [pod] = makePods(0, 1);
  if (pod === undefined) throw new Error('there is no Pod');
  try {
    installInto(folder);
    const natra = natraIn(folder, state, pinDirectory);
    const times = timeVerbs(natra, pod, rounds);
    const memory = await memoryOf(natra, pod, folder);
    return {
      rounds,
      times,
      ...memory,
      many: await manyPods(natra, pods),
    };
  } finally {
    removePods([pod]);
    for (const made of [folder, state]) rmSync(made, { recursive: true });
    removeDirectory(pinDirectory);
  }
}

async function main(): Promise<void> {
  const options = optionsOf(HELP, {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '20' },
    pods: { type: 'string', default: '250' },
  });
  const [rounds, pods] = [countOf('rounds', options.rounds), countOf('pods', options.pods)];
  if (process.env[INSIDE] === undefined) {
    const again = ['--net', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    const { status } = spawnSync('unshare', again, {
      stdio: 'inherit',
      env: { ...process.env, [INSIDE]: '1' },
    });
    process.exitCode = status ?? 1;
    return;
  }
  print(await measure(rounds, pods), options.json);
}

await main();
