/** Runs of several kernels beside each other. */

import type { KernelRow } from './matrix.ts';
import { type KernelRun, type RunOptions, runKernel } from './run.ts';

export interface Job extends Omit<RunOptions, 'onProgress'> {
  readonly row: KernelRow;
}

/** Runs the jobs in their order, some at a time; the results are in that order too. */
export async function runAll<T extends Job>(
  jobs: readonly T[],
  atATime: number,
  onProgress: (job: T, words: string) => void,
): Promise<KernelRun[]> {
  const results: KernelRun[] = [];
  const waiting = jobs.map((job, index) => ({ job, index }));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { job, index } = next;
      const run = await runKernel(job.row, { ...job, onProgress: (words) => onProgress(job, words) });
      onProgress(job, run.failure?.split('\n')[0] ?? 'all passed');
      results[index] = run;
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return results;
}
