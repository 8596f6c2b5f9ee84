/** Files that the command line names. */
import { readFileSync, writeFileSync } from 'node:fs';
import { UsageError } from './output.ts';

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`read ${file}: ${reasonOf(error)}`);
  }
}

export function writeOutput(file: string, content: string | Uint8Array): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new UsageError(`write ${file}: ${reasonOf(error)}`);
  }
}
