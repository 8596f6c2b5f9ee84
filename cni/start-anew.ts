/**
 * A Node.js of natra's own hashes strings by the seed that its release was built with, since to draw another is a sixth of its start
 * (docs/decisions.md). So names, of a Pod's annotations say, can be chosen to collide, which is felt where they are many: a
 * call with so much on stdin starts anew with a seed that nobody knows.
 */
import { execute } from '../loader/index.ts';
import { orEmpty, type ReadStdin } from './stdin.ts';

/** The option of V8 that keeps the seed. */
export const KNOWN_SEED = '--no-rehash-snapshot';
/** Characters: some 2,500 of the shortest names that collide, each compared with all before it. */
const MOST_BY_KNOWN_SEED = 16_384;

/** Does not return where another Node.js, in this process, answers the call in the place of this one. */
export function startAnew(readStdin: ReadStdin): void {
  if (!process.execArgv.includes(KNOWN_SEED)) return;
  const input = orEmpty(readStdin);
  if (input.length <= MOST_BY_KNOWN_SEED) return;
  const { argv, execPath: path, env: environment } = process;
  try {
    execute({ path, args: [path, ...argv.slice(1)], environment, input });
  } catch {
    // Slower is better than not at all.
  }
}
