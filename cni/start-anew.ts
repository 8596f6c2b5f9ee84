/**
 * A Node.js of natra's own hashes strings by the seed that its release was built with, since to draw another is a sixth of its start
 * (docs/decisions.md). So names, of a Pod's annotations say, can be chosen to collide, which is felt where they are many: a
 * call with so much on stdin starts anew with a seed that nobody knows.
 */
import { orEmpty, type ReadStdin } from './stdin.ts';

/** The option of V8 that keeps the seed. */
export const KNOWN_SEED = '--no-rehash-snapshot';
/** Characters: some 2,500 of the shortest names that collide, each compared with all before it. */
const MOST_BY_KNOWN_SEED = 16_384;

/** Has another process answer the call where this one had better not read its stdin; gives the exit status of that. */
export async function startAnew(readStdin: ReadStdin): Promise<number | undefined> {
  if (!process.execArgv.includes(KNOWN_SEED)) return undefined;
  const input = orEmpty(readStdin);
  if (input.length <= MOST_BY_KNOWN_SEED) return undefined;
  const { spawnSync } = await import('node:child_process');
  const { status, signal } = spawnSync(process.execPath, process.argv.slice(1), {
    input,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  // No other could be started: slower is better than not at all. One that leaves its stdin unread has answered all the same.
  return status === null && signal === null ? undefined : (status ?? 1);
}
