/**
 * In an emulated machine whose idle time is skipped, a process that waits for the host (a file of the shared root) sees
 * every pending timer run out meanwhile. Outside measurements a spinning process keeps the machine from being idle.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let spinner: ChildProcess | undefined;

/** Starts the spinner, at the lowest priority; it ends with this process's group or by `stopSpinning`. */
export function startSpinning(): void {
  spinner = spawn('nice', ['-n', '19', '/.natra-vm/busybox', 'sh', '-c', 'while :; do :; done'], {
    stdio: 'ignore',
  });
}

export function stopSpinning(): void {
  spinner?.kill('SIGKILL');
}

/** Lets idle time be skipped while `body` runs: it must not need the host. */
export async function skippingIdleTime<T>(body: () => Promise<T>): Promise<T> {
  spinner?.kill('SIGSTOP');
  try {
    return await body();
  } finally {
    spinner?.kill('SIGCONT');
  }
}

/** Reads the program that runs, so that none of its pages comes from the host in the middle of a measurement. */
export function warmUp(): void {
  readFileSync(process.execPath);
  const libraries = readFileSync('/proc/self/maps', 'utf8').matchAll(/ (\/\S+\.so\S*)$/gm);
  for (const file of new Set([...libraries].map(([, name = '']) => name))) readFileSync(file);
}

/** Collects the garbage of what ran before, so that it need not be done in the middle of a measurement. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
}

/** How finely `watchBusy` looks. */
const BUSY_RESOLUTION_MS = 2;

/**
 * Watches for how long this process attends to nothing new; both ends of all traffic wait meanwhile. Ends the watch and gives
 * the longest such time, ms.
 */
export function watchBusy(): () => number {
  const histogram = monitorEventLoopDelay({ resolution: BUSY_RESOLUTION_MS });
  histogram.enable();
  return () => {
    histogram.disable();
    return Math.max(0, histogram.max / 1e6 - BUSY_RESOLUTION_MS);
  };
}
