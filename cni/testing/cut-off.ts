/**
 * Does one thing and kills itself before its nth change to the node: argv is the number, the state directory, the pin
 * directory, and the words of an operator's command. Without any it is a call, whose environment and stdin are the process's own.
 */
import fs from 'node:fs';
import { setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { runPluginInThreads } from '../plugin.ts';
import { perform } from './acts.ts';
import { watchFiles } from './file-hook.ts';
import { passingObject } from './objects.ts';

const [count = '', stateDirectory = '', pinDirectory = '', ...words] = process.argv.slice(2);
const node: Node = { stateDirectory, pinDirectory, objectFile: passingObject, log: () => {} };

let left = Number(count);
function step(): void {
  if (left-- === 0) process.kill(process.pid, 'SIGKILL');
}

setSyscallHook((name) => {
  if (name !== 'close') step();
  return undefined;
});
watchFiles(step);

const act =
  words.length > 0
    ? perform(words, node)
    : runPluginInThreads(process.env, () => fs.readFileSync(0, 'utf8'), node);
act.then(({ exitCode }) => {
  process.exitCode = exitCode;
});
