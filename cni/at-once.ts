/** What is answered without the loader: VERSION, and a STATUS that is good. The build puts it into a file of its own. */

import { stateDirectoryOf } from './state/directory.ts';
import { orEmpty, type ReadStdin, stdinOnce } from './stdin.ts';
import { isReady } from './verbs/ready.ts';
import { version } from './verbs/version.ts';
import { writeAll } from './write-all.ts';

/** Answers where it can; otherwise gives stdin, of which it may have read, for whoever does. */
export function answerAtOnce(directory: string): ReadStdin | undefined {
  const { env } = process;
  const readStdin = stdinOnce(0);
  const stdin = orEmpty(readStdin);
  if (env.CNI_COMMAND === 'VERSION') writeAll(1, `${version(stdin)}\n`);
  else if (!isReady(env, stdin, { stateDirectory: stateDirectoryOf(env) }, directory)) return readStdin;
  return undefined;
}
