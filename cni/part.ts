/**
 * Parts of the executable, each a CommonJS file that is read when a call comes to it; installed, with the code that V8
 * made of it beside it, so that no call parses it again.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Module } from 'node:module';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const codeOf = (file: string): string => `${file}.code`;

/**
 * Evaluates a part and gives what it exports. V8 itself refuses code of another version of V8; that the code is of this
 * very text is for its folder to see to, which is named after what is in it (install/executable.ts).
 */
export function readPart(file: string, require: NodeJS.Require): unknown {
  const script = new Script(wrapped(file), { filename: file, cachedData: readIfThere(codeOf(file)) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, file, dirname(file));
  return module.exports;
}

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

const wrapped = (file: string): string => Module.wrap(readFileSync(file, 'utf8'));

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
