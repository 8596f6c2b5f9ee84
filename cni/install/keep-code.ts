/** The code that V8 makes of a part, kept beside it. Apart from what reads it: `node:v8` costs each call 3 ms. */
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { codeOf, wrapped } from '../part.ts';

/** Compiles every function of a part, and keeps the code for all calls to come. */
export function keepCode(file: string): void {
  setFlagsFromString('--no-lazy');
  const script = new Script(wrapped(file), { filename: file });
  // The code remembers the flags that it was made under, and V8 refuses it under others.
  setFlagsFromString('--lazy');
  const temporary = `${codeOf(file)}.${process.pid}.tmp`;
  writeFileSync(temporary, script.createCachedData());
  renameSync(temporary, codeOf(file));
}
