/**
 * One call at a time for an attachment: a runtime that loses patience with an ADD sends the DEL while the ADD is still
 * at work.
 */
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tryFileLock } from '../../loader/index.ts';
import { CniError, describe, ERROR_CODES } from '../errors.ts';
import type { Node } from '../node.ts';
import { sleep } from '../sleep.ts';
import { inDirectory } from './directory.ts';
import { fnv1a } from './fnv.ts';

/**
 * Lock files are shared by the keys of a hash and never removed, so that nobody can hold the lock of a file that is
 * gone. Two attachments that share one wait for each other for nothing, once in a while.
 */
const FILES = 64n;
const PATIENCE_MILLISECONDS = 30_000;
const READERS_PATIENCE_MILLISECONDS = 1_000;
const PAUSE_MILLISECONDS = 5;

/**
 * Runs `body` while this process alone works on the attachment; throws code 11 where another one doesn't come to its
 * end. Where the file system refuses the lock, `body` runs without: a full one must not keep a Pod from ending.
 */
export function withLock<T>(
  key: string,
  node: Pick<Node, 'stateDirectory' | 'log'>,
  body: () => T,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): T {
  const release = lock(key, node, patienceMilliseconds);
  try {
    return body();
  } finally {
    release();
  }
}

/** The same for a body that is no function: gives what releases the lock. */
export function lock(
  key: string,
  { stateDirectory, log }: Pick<Node, 'stateDirectory' | 'log'>,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): () => void {
  const path = pathOf(key, stateDirectory);
  try {
    closeSync(inDirectory(dirname(path), () => openSync(path, 'a', 0o600)));
    const release = waitForLock(path, patienceMilliseconds);
    if (release !== undefined) return release;
  } catch (error) {
    log(`${key}: go on without a lock: ${describe(error)}`);
    return () => {};
  }
  throw new CniError(
    ERROR_CODES.tryAgainLater,
    'another call is at work',
    `${key}: another process has held ${path} for ${patienceMilliseconds} ms`,
  );
}

const pathOf = (key: string, stateDirectory: string): string =>
  join(stateDirectory, 'locks', String(fnv1a(key) % FILES));

/** For whoever only reads: waits until nobody works on the attachment, for a second at most. Makes no file. */
export function untilFree(key: string, { stateDirectory }: Pick<Node, 'stateDirectory'>): void {
  try {
    waitForLock(pathOf(key, stateDirectory), READERS_PATIENCE_MILLISECONDS)?.();
  } catch {
    // Nobody has locked it yet, or this process may not look.
  }
}

/** Locks a file or a folder that is there; undefined where another process holds it for so long. */
export function waitForLock(path: string, patienceMilliseconds: number): (() => void) | undefined {
  const deadline = Date.now() + patienceMilliseconds;
  for (;;) {
    const release = tryFileLock(path);
    if (release !== undefined || Date.now() >= deadline) return release;
    sleep(PAUSE_MILLISECONDS);
  }
}
