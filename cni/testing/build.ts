/** `dist/natra` of this tree. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BUILD = join(import.meta.dirname, '..', '..', 'scripts', 'build.mjs');

/** Builds the executable unless it is up to date; throws where it can't be built. */
export function buildExecutable(): void {
  const { status, stderr } = spawnSync(process.execPath, [BUILD], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`build the executable: ${stderr}`);
}
