/**
 * The natra executable. With CNI_COMMAND in the environment it is a CNI plugin; without, an operator's command. Its own
 * file is read for every call, so what some calls need alone lies in others (scripts/build/bundle.mjs): VERSION and a good
 * STATUS are answered from this one.
 */
import { about } from './about.ts';
import { thisNode } from './node.ts';
import { orEmpty, stdinOnce } from './stdin.ts';
import { isReady } from './verbs/ready.ts';
import { version } from './verbs/version.ts';
import { writeAll } from './write-all.ts';

async function callPlugin(): Promise<number> {
  const readStdin = stdinOnce();
  const verb = process.env.CNI_COMMAND;
  if (verb === 'VERSION') {
    writeAll(1, `${version(orEmpty(readStdin))}\n`);
    return 0;
  }
  const node = thisNode(process.env);
  if (verb === 'STATUS' && isReady(process.env, orEmpty(readStdin), node, import.meta.dirname)) return 0;
  const { leave, runPluginInThreads } = await import('./plugin.ts');
  const { stdout, exitCode } = await runPluginInThreads(process.env, readStdin, node);
  if (stdout !== '') writeAll(1, `${stdout}\n`);
  return leave(exitCode);
}

async function runCommand(): Promise<number> {
  const argv = process.argv.slice(2);
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

/** The file that a call needs beside this one was not copied along. */
function missingPart(error: unknown): number {
  writeAll(2, `natra: ${error instanceof Error ? error.message : String(error)}\n`);
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
