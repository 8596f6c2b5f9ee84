/**
 * The natra executable. With CNI_COMMAND in the environment it is a CNI plugin; without, an operator's command. Node.js
 * parses this file anew for every call, so here is nothing but which of the other files a call reads (scripts/build/bundle.mjs).
 */
import type * as AtOnce from './at-once.ts';
import type * as Operator from './operator.ts';
import { readPart } from './part.ts';
import type * as Plugin from './plugin.ts';
import type { ReadStdin } from './stdin.ts';

const DIRECTORY = import.meta.dirname;

async function callPlugin(): Promise<number> {
  const { CNI_COMMAND: verb } = process.env;
  let readStdin: ReadStdin | undefined;
  if (verb === 'VERSION' || verb === 'STATUS') {
    // What does little is read sooner without code of it.
    const { answerAtOnce }: typeof AtOnce = require(`${DIRECTORY}/natra-at-once.cjs`);
    readStdin = answerAtOnce(DIRECTORY);
    if (readStdin === undefined) return 0;
  }
  const { answer } = readPart(`${DIRECTORY}/natra-verbs.cjs`, require) as typeof Plugin;
  return answer(readStdin);
}

async function runCommand(): Promise<number> {
  const { command } = readPart(`${DIRECTORY}/natra-operator.cjs`, require) as typeof Operator;
  return command(process.argv.slice(2), DIRECTORY);
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
