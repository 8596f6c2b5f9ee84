/** The state directory, which whoever comes first to write there makes: 0700, as all that lies below it. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Variables } from '../config/environment.ts';
import { codeOf, StateError } from '../errors.ts';

/** What ENOTDIR and EEXIST mean there. */
export const IN_ITS_PLACE = '; in the place of the state directory is something else: move it away';

export const stateDirectoryOf = (variables: Variables): string => variables.NATRA_STATE_DIR || '/run/natra';

/** Does what needs `directory`; makes it only where it is missing, since nearly always it is there. */
export function inDirectory<T>(directory: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    makeStateDirectory(directory);
    return body();
  }
}

/**
 * Makes a directory, with those above it, where it is missing. Node.js's own way to do so tries for ever where the kernel says ENOENT
 * though the one above is there: procfs does.
 */
export function makeStateDirectory(directory: string): void {
  const above = dirname(directory);
  if (above !== directory && !existsSync(above)) makeStateDirectory(above);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
    throw new StateError(`make the directory ${directory}: EEXIST${IN_ITS_PLACE}`);
  }
}
