/**
 * The natra executable. With CNI_COMMAND in the environment it is a CNI plugin; without, an operator's command, whose
 * code is read for it alone (scripts/build/bundle.mjs).
 */
import { readFileSync, writeSync } from 'node:fs';
import { about } from './about.ts';
import { thisNode } from './node.ts';
import { runPlugin } from './plugin.ts';

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  if (process.env.CNI_COMMAND) return callPlugin();
  if (argv.length === 0) {
    // The specification gives stdout to results alone, so the text goes to stderr, as libcni's plugins do it.
    writeAll(2, about());
    return 0;
  }
  const { run } = await import('./operator.ts');
  return run(argv, import.meta.dirname, thisNode(process.env), {
    out: (text) => writeAll(1, text),
    error: (text) => writeAll(2, text),
    isTerminal: process.stdout.isTTY === true && !process.env.NO_COLOR,
  });
}

function callPlugin(): number {
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

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    // An operator's command that has no code: the file beside this one was not copied along.
    writeAll(2, `natra: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
