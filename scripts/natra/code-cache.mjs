// Runs a CommonJS file with V8's compiled code of an earlier run: parsing and compiling TypeScript's nine megabytes
// takes longer than a compilation does.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import path from 'node:path';
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { threadId } from 'node:worker_threads';

/** Lets V8 optimise functions later than it would: in a run of a second most optimised code doesn't pay for its making. */
export function expectShortRun() {
  setFlagsFromString('--interrupt-budget=1000000');
}

/**
 * Has V8 inline less than it would: for a few dozen compilations the inlining takes much more time than it saves. Small
 * functions, which V8 counts apart, are inlined all the same.
 */
export function expectManyCompilations() {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=150');
}

/** Where V8's compiled code of a file is kept. V8 takes none that was made by another V8 or under other options. */
const codeCacheOf = (file) => `${file}.${cachedDataVersionTag().toString(16)}.cache`;

/** Removes the code of a file, whatever V8 and options made it. */
export function removeCode(file) {
  const { dir, base } = path.parse(file);
  for (const name of readdirSync(dir)) {
    if (name.startsWith(`${base}.`) && name.endsWith('.cache')) rmSync(path.join(dir, name), { force: true });
  }
}

const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

function read(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/**
 * Evaluates `file` with the code that was kept, where V8 still accepts it.
 * @returns {{ exports: unknown, keep: () => void }} what it exports; `keep`, called after it has run, saves the code of
 * every function that ran unless the cache was good
 */
export function requireCached(file) {
  const cache = codeCacheOf(file);
  const cachedData = read(cache);
  const script = new Script(Module.wrap(readFileSync(file, 'utf8')), { filename: file, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, path.dirname(file));
  const keep = () => {
    if (cachedData !== undefined && !script.cachedDataRejected) return;
    const whole = `${cache}.${process.pid}.${threadId}`;
    try {
      writeFileSync(whole, script.createCachedData());
      renameSync(whole, cache);
    } catch (error) {
      // Who may not write here, or finds no room, does without.
      if (!UNWRITABLE.has(error.code)) throw error;
      rmSync(whole, { force: true });
    }
  };
  return { exports: module.exports, keep };
}
