/** The state directory, which whoever comes first to write there makes: 0700, as all that lies below it. */
import { mkdirSync } from 'node:fs';
import type { Variables } from '../config/environment.ts';
import { codeOf } from '../errors.ts';

export const stateDirectoryOf = (variables: Variables): string => variables.NATRA_STATE_DIR || '/run/natra';

/** Does what needs `directory`; makes it only where it is missing, since nearly always it is there. */
export function inDirectory<T>(directory: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return body();
  }
}
