/** Files that the command line names. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
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

function isFolder(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    throw new UsageError(`read ${file}: ${reasonOf(error)}`);
  }
}

/** Refuses files that can be no programs; one that isn't there is for the compiler to report. */
export function checkSources(command: string, files: readonly string[]): void {
  for (const file of files) {
    const isDirectory = isFolder(file);
    if (isDirectory || !file.endsWith('.ts'))
      throw new UsageError(
        `${command} ${file}: it is ${isDirectory ? 'a directory' : 'no TypeScript file'}; name the .ts files of programs`,
      );
  }
}
