/** What a runtime writes to a plugin. */
import { readSync } from 'node:fs';
import { CniError, codeOf, describe, ERROR_CODES } from './errors.ts';
import { sleep } from './sleep.ts';

export type ReadStdin = () => string;

const CHUNK_BYTES = 65_536;
const PAUSE_MILLISECONDS = 1;

/** Reads a file, stdin, to its end at the first call, and gives the same text from then on. */
export function stdinOnce(fd: number): ReadStdin {
  let text: string | undefined;
  return () => {
    text ??= readToEnd(fd);
    return text;
  };
}

/** Reads a file to its end as UTF-8. A pipe may be non-blocking, as its other end likes: then it holds nothing for a while. */
export function readToEnd(fd: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    try {
      const bytes = readSync(fd, chunk);
      if (bytes === 0) return Buffer.concat(chunks).toString('utf8');
      chunks.push(chunk.subarray(0, bytes));
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error;
      sleep(PAUSE_MILLISECONDS);
    }
  }
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
