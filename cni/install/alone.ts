/**
 * One install or uninstall at a time in a plugin folder: an uninstall between another's executable and its list would leave
 * a list that calls what is not there.
 */
import { existsSync } from 'node:fs';
import { OperatorError } from '../errors.ts';
import { waitForLock } from '../state/lock.ts';
import { doing } from './files.ts';

/** Some seconds are what an install takes. */
const PATIENCE_MILLISECONDS = 60_000;

/** Runs `body` while no other natra is at work there; where there is no folder, `body` has to say so. */
export function alone<T>(binDirectory: string, body: () => T): T {
  if (!existsSync(binDirectory)) return body();
  const release = doing(`lock ${binDirectory}`, () => waitForLock(binDirectory, PATIENCE_MILLISECONDS));
  if (release === undefined)
    throw new OperatorError(
      `another natra is at work in ${binDirectory}; repeat the command when it has ended`,
    );
  try {
    return body();
  } finally {
    release();
  }
}
