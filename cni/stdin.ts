/** What a runtime writes to a plugin. */
import { readFileSync } from 'node:fs';
import { CniError, describe, ERROR_CODES } from './errors.ts';

export type ReadStdin = () => string;

/** Reads stdin to its end at the first call, and gives the same text from then on. */
export function stdinOnce(): ReadStdin {
  let text: string | undefined;
  return () => {
    text ??= readFileSync(0, 'utf8');
    return text;
  };
}

/** For a verb that answers whatever stdin holds, closed or not. */
export function orEmpty(readStdin: ReadStdin): string {
  try {
    return readStdin();
  } catch {
    return '';
  }
}

/** For a verb that needs a configuration. Throws code 5 where stdin is closed or no file. */
export function orRefuse(readStdin: ReadStdin): string {
  try {
    return readStdin();
  } catch (error) {
    throw new CniError(
      ERROR_CODES.io,
      'stdin is not readable',
      `stdin must hold the network configuration: ${describe(error)}`,
    );
  }
}
