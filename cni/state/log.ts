/**
 * What natra chose and why, one line an event. A runtime shows a plugin's stderr only when it fails, so the
 * log is a file: `natra.log` in the state directory, readable by root alone.
 */
import { appendFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../printable.ts';
import { timestamp } from '../timestamp.ts';
import { inDirectory } from './directory.ts';

/** Bytes; the file before is kept as `natra.log.1`. */
const ROTATE_AT = 1 << 20;

export type Log = (message: string) => void;

/**
 * Appends to the log. `target` is NATRA_LOG: a path, `stderr`, `off`, or nothing for the state directory's file.
 * A log that can't be written never fails a call.
 */
export function openLog(stateDirectory: string, target: string | undefined): Log {
  if (target === 'off') return () => {};
  if (target === 'stderr') return (message) => complain(line(message));
  const path = target || join(stateDirectory, 'natra.log');
  return (message) => {
    try {
      rotate(path);
      const write = (): void => appendFileSync(path, line(message), { mode: 0o600 });
      if (target) write();
      else inDirectory(stateDirectory, write);
    } catch (error) {
      complain(line(`write the log ${path}: ${String(error)}: ${message}`));
    }
  };
}

/** Stderr may be closed, or a pipe that is full or that nobody reads any more. */
function complain(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // There is no other place to say it.
  }
}

function rotate(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size >= ROTATE_AT) renameSync(path, `${path}.1`);
}

function line(message: string): string {
  return `${timestamp(Date.now())} [${process.pid}] ${printable(message.replaceAll('\n', ' | '))}\n`;
}
