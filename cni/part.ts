/**
 * Parts of the executable, each a file that is read when a call comes to it; installed, with the code that V8 made of it
 * beside it, so that no call parses it again. The build (scripts/build/bundle.mjs) writes a part as what Node.js makes of a
 * CommonJS module for V8 to compile: to read Node.js's own loader of modules for that takes a call a millisecond, and to put the
 * text together copies it.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type * as VM from 'node:vm';

/** Where the code of a part is kept. */
export const codeOf = (file: string): string => `${file}.code`;

/**
 * Evaluates a part and gives what it exports. V8 itself refuses code of another version of V8; that the code is of this
 * very text is for its folder to see to, which is named after what is in it (install/executable.ts).
 */
export function readPart(file: string, require: NodeJS.Require): unknown {
  // Not before it is needed: VERSION has no use for it.
  const { Script }: typeof VM = require('node:vm');
  const script = new Script(textOf(file), { filename: file, cachedData: readIfThere(codeOf(file)) });
  return evaluate(script, file, require);
}

/** What a part exports once it has run. */
export function evaluate(script: VM.Script, file: string, require: NodeJS.Require): unknown {
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, file, dirname(file));
  return module.exports;
}

/** The text that V8 compiles of a part: the build leaves nothing but ASCII in it, which is read soonest as Latin-1. */
export const textOf = (file: string): string => readFileSync(file, 'latin1');

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
