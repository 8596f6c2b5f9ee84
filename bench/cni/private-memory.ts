/** How much memory a plugin has for itself when its work is done. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from './calls.ts';

const PATIENCE_MILLISECONDS = 10_000;

/**
 * KiB that the process has written and shares with nobody (Private_Dirty of /proc/PID/smaps_rollup), at the moment that it
 * writes its result. Pages of a file that it only reads are the page cache's, there once for all calls and given back when
 * memory is short: its stdout is a pipe without room, in which it waits until it has been looked at.
 */
export async function privateMemory(
  folder: string,
  file: string,
  argv: readonly string[],
  { environment, input }: Call,
): Promise<number> {
  const fifo = join(folder, 'stdout');
  spawnSync('rm', ['-f', fifo]);
  spawnSync('mkfifo', [fifo]);
  // Linux opens a FIFO for both ends at once without waiting for another process.
  const both = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const stdout = openSync(fifo, constants.O_WRONLY);
  try {
    fill(both);
    const child = spawn(file, argv, { env: environment, stdio: ['pipe', stdout, 'pipe'] });
    const ended = once(child, 'exit');
    child.stdin?.end(input);
    const until = performance.now() + PATIENCE_MILLISECONDS;
    while (!waitsInWrite(child.pid)) {
      if (performance.now() > until || child.exitCode !== null)
        throw new Error(`${file}: it did not come to write its result`);
      await pause(5);
    }
    const kilobytes = privateOf(child.pid);
    drain(both);
    await ended;
    return kilobytes;
  } finally {
    closeSync(both);
    closeSync(stdout);
  }
}

/** Whether the kernel has put it to sleep in a pipe's write. */
function waitsInWrite(pid: number | undefined): boolean {
  const wchan = readFileSync(`/proc/${pid}/wchan`, 'utf8');
  return /pipe_write|anon_pipe_write/.test(wchan);
}

function privateOf(pid: number | undefined): number {
  const line = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Private_Dirty:\s+(\d+) kB$/m);
  if (line?.[1] === undefined) throw new Error(`/proc/${pid}/smaps_rollup: there is no line Private_Dirty`);
  return Number(line[1]);
}

const PAGE = Buffer.alloc(4096);

function fill(fd: number): void {
  untilRefused(() => writeSync(fd, PAGE));
}

function drain(fd: number): void {
  untilRefused(() => readSync(fd, PAGE));
}

/** Goes on until a non-blocking descriptor says EAGAIN. */
function untilRefused(step: () => void): void {
  try {
    for (;;) step();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
  }
}
