/**
 * Makes one call and kills itself before its nth change to the node: argv is the number, the state directory, the pin
 * directory and `cni`; the call's environment and stdin are the process's own.
 */
import fs from 'node:fs';
import { setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { runPlugin } from '../plugin.ts';
import { passingObject } from './objects.ts';

const [count = '', stateDirectory = '', pinDirectory = ''] = process.argv.slice(2);
const node: Node = { stateDirectory, pinDirectory, objectFile: passingObject, log: () => {} };

let left = Number(count);
function step(): void {
  if (left-- === 0) process.kill(process.pid, 'SIGKILL');
}

setSyscallHook((name) => {
  if (name !== 'close') step();
  return undefined;
});
/** What of node:fs changes the state directory; the bundle calls these through the module's object. */
for (const name of ['mkdirSync', 'openSync', 'writeFileSync', 'renameSync', 'rmSync'] as const) {
  const original = fs[name] as (...words: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...words: unknown[]) => {
      step();
      return original(...words);
    },
  });
}

const stdin = fs.readFileSync(0, 'utf8');
process.exitCode = runPlugin(process.env, () => stdin, node).exitCode;
