/** C through clang, the other side of what is measured here. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readElf } from '../dsl/object/elf/read.ts';
import type { ObjectImage } from '../dsl/object/image.ts';

const CLANGS = ['clang-19', 'clang'];

export interface CObject {
  readonly object: ObjectImage;
  /** The clang that made it. */
  readonly compiler: string;
}

/** A C file through `-O2 -mcpu=v3` of the newest clang here; undefined, with the reason said, when there is none. */
export function compileC(source: string): CObject | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-c-'));
  const output = path.join(folder, 'program.o');
  const include = `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  try {
    for (const compiler of CLANGS) {
      try {
        const options = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', include, '-c', source, '-o', output];
        execFileSync(compiler, options, { stdio: 'pipe' });
        return { object: readElf(readFileSync(output)), compiler };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    process.stderr.write(`bench: no ${CLANGS.join(' or ')} here, so the C side is left out\n`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
