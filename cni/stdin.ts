/** What a runtime writes to a plugin. */
import { readFileSync } from 'node:fs';

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
