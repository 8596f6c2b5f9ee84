import { writeSync } from 'node:fs';
import { codeOf } from './errors.ts';

/**
 * Writes all of a text before it returns. A pipe may take less than all at once, and a non-blocking one nothing at all for
 * a while; one whose reader has gone, as `head` does, wants no more.
 */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}
