/**
 * The natra executable. With CNI_COMMAND in the environment it is a CNI plugin; without, an operator's command. Node.js
 * parses this file anew for every call, so here is nothing but which of the other files a call reads (scripts/build/bundle.mjs).
 */
import type { ReadStdin } from './stdin.ts';

async function callPlugin(): Promise<number> {
  const { CNI_COMMAND: verb } = process.env;
  let readStdin: ReadStdin | undefined;
  if (verb === 'VERSION' || verb === 'STATUS') {
    const { answerAtOnce } = await import('./at-once.ts');
    readStdin = answerAtOnce(import.meta.dirname);
    if (readStdin === undefined) return 0;
  }
  const { answer } = await import('./plugin.ts');
  return answer(readStdin);
}

async function runCommand(): Promise<number> {
  const { command } = await import('./operator.ts');
  return command(process.argv.slice(2), import.meta.dirname);
}

/** The file that a call needs beside this one was not copied along. */
function missingPart(error: unknown): number {
  process.stderr.write(`natra: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}

if (process.env.CNI_COMMAND) {
  // All is written by then; to take Node.js down in order would only cost time.
  callPlugin().catch(missingPart).then(process.exit);
} else {
  runCommand()
    .catch(missingPart)
    .then((status) => {
      process.exitCode = status;
    });
}
