/** The compiler's threads of the command line. */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { BackEndThreads } from '../../dsl/compiler/threads.ts';

const inBuild = (name: string): string => path.resolve(import.meta.dirname, '../../build', name);
/** Made by bundle.mjs. */
const START = inBuild('natra-thread.cjs');
const BACK_END = inBuild('natra-back-end.cjs');

/**
 * Of one that compiles again and again, MB: with V8's own 48 it would collect garbage several times a compilation, now once
 * behind it.
 */
const YOUNG_GENERATION = 288;

/** As many as there are trees to work on and processors to do it. `resident`: for a process that compiles again and again. */
export function startBackEnd(trees: number, resident = false): BackEndThreads['make'] {
  return new BackEndThreads(
    Math.min(trees, availableParallelism()),
    () =>
      new Worker(START, {
        workerData: { file: BACK_END },
        ...(resident && { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION } }),
      }),
    resident,
  ).make;
}
