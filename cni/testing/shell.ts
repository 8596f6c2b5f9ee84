/** Commands of iproute2, for tests that build a node out of namespaces. */
import { execFileSync } from 'node:child_process';

/** Runs a command line of plain words and gives its stdout; throws with its stderr. */
export function run(line: string): string {
  const [command = '', ...words] = line.split(' ');
  return execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
