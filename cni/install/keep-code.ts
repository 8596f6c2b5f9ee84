/** The code that V8 makes of a part, kept beside it. Apart from what reads it: `node:v8` costs each call 3 ms. */
import { renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { codeOf, evaluate, textOf } from '../part.ts';

/**
 * Keeps V8's code of a part for all calls to come. That is the code of the functions which `rehearse` has run, given what the
 * part exports: each call reads all of it. Where the rehearsal throws, it is the code of every function.
 */
export async function keepCode(
  file: string,
  rehearse: (exported: unknown) => void | Promise<void>,
): Promise<void> {
  const temporary = `${codeOf(file)}.${process.pid}.tmp`;
  writeFileSync(temporary, (await codeAfter(file, rehearse)) ?? wholeCode(file));
  renameSync(temporary, codeOf(file));
}

async function codeAfter(
  file: string,
  rehearse: (exported: unknown) => void | Promise<void>,
): Promise<Buffer | undefined> {
  const script = new Script(textOf(file), { filename: file });
  try {
    await rehearse(evaluate(script, file, createRequire(file)));
  } catch {
    return undefined;
  }
  return script.createCachedData();
}

function wholeCode(file: string): Buffer {
  // V8 would give back what it has of the text from before, of which the most is not compiled.
  setFlagsFromString('--no-compilation-cache');
  setFlagsFromString('--no-lazy');
  const script = new Script(textOf(file), { filename: file });
  // The code remembers the flags that it was made under, and V8 refuses it under others.
  setFlagsFromString('--lazy');
  setFlagsFromString('--compilation-cache');
  return script.createCachedData();
}
