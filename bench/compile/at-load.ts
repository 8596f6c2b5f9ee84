/** Making the dataplane for a Pod's settings as ADD does it: in a process that has only just started, and again in it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { median } from '../measure.ts';
import type { AtLoad } from './in-process.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');

type Times = AtLoad['template'];

export interface LoadTimes {
  /** Milliseconds: as for settings that the build has prepared a template for, */
  readonly template: Times;
  /** and as for others. */
  readonly whole: Times;
  /** Instruction slots of the program, and of what was made of it. */
  readonly slots: number;
  readonly specialisedSlots: number;
}

/** In `rounds` processes, each of which reads minified CommonJS alone, as the CNI executable does. */
export async function measureAtLoad(rounds: number): Promise<LoadTimes> {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-load-'));
  const file = path.join(folder, 'in-process.cjs');
  try {
    await build({
      absWorkingDir: PROJECT,
      entryPoints: ['bench/compile/in-process.ts'],
      outfile: file,
      bundle: true,
      minify: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      logLevel: 'warning',
    });
    const runs = Array.from({ length: rounds }, (): AtLoad => {
      const run = spawnSync(process.execPath, [file, path.join(PROJECT, 'build')], { encoding: 'utf8' });
      if (run.status !== 0) throw new Error(`in-process.ts: ${run.stderr}`);
      return JSON.parse(run.stdout) as AtLoad;
    });
    const timesOf = (how: 'template' | 'whole'): Times => ({
      cold: median(runs.map((run) => run[how].cold)),
      warm: median(runs.map((run) => run[how].warm)),
    });
    const [{ slots, specialisedSlots } = { slots: Number.NaN, specialisedSlots: Number.NaN }] = runs;
    return { template: timesOf('template'), whole: timesOf('whole'), slots, specialisedSlots };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
