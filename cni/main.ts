/**
 * The natra executable. With CNI_COMMAND in the environment it is a CNI plugin; without, it answers to its
 * arguments, of which there are none yet but the question what it is.
 */
import { readFileSync, writeSync } from 'node:fs';
import { about } from './about.ts';
import { thisNode } from './node.ts';
import { runPlugin } from './plugin.ts';

function main(): number {
  if (!process.env.CNI_COMMAND) {
    // The specification gives stdout to results alone, so the text goes to stderr, as libcni's plugins do it.
    writeAll(2, about());
    return 0;
  }
  const { stdout, exitCode } = runPlugin(process.env, () => readFileSync(0, 'utf8'), thisNode(process.env));
  if (stdout !== '') writeAll(1, `${stdout}\n`);
  return exitCode;
}

/** A pipe may take less than all at once, and a non-blocking one nothing at all for a while. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

process.exitCode = main();
