// Skips work whose inputs have not changed: a stamp beside the outputs holds a digest of every input's contents.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const isSource = (name) => !/\.test\.ts$/.test(name) && name !== 'fixtures';

/** Every source file under the given files and folders, tests and fixtures left out, in a fixed order. */
export function sourcesUnder(paths) {
  return paths.flatMap((each) => {
    if (!existsSync(each)) return [];
    if (statSync(each).isFile()) return [each];
    const inside = readdirSync(each).filter(isSource).sort();
    return sourcesUnder(inside.map((name) => path.join(each, name)));
  });
}

function digestOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/**
 * Runs `make` unless `outputs` exist and were made from the same inputs; true when it ran.
 * @param {{ stamp: string, inputs: string[], outputs: string[], make: () => void | Promise<void> }} step
 */
export async function whenChanged({ stamp, inputs, outputs, make }) {
  const digest = digestOf(sourcesUnder(inputs));
  const fresh = outputs.every((file) => existsSync(file)) && existsSync(stamp);
  if (fresh && readFileSync(stamp, 'utf8') === digest) return false;
  await make();
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  return true;
}
