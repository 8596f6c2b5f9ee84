/** C through clang, the other side of what is measured here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readElf } from '../dsl/object/elf/read.ts';
import type { ObjectImage } from '../dsl/object/image.ts';
import { KernelError } from '../loader/errors.ts';
import { loadProgram } from '../loader/object/load.ts';

/** Best first. Debian 12's `clang` is 14, whose code newer kernels may refuse. */
const CLANGS = ['clang-19', 'clang'];

export interface CObject {
  readonly object: ObjectImage;
  /** The clang that made it. */
  readonly compiler: string;
}

const say = (words: string): void => {
  process.stderr.write(`bench: ${words}\n`);
};

/** Whether this kernel takes the program; says why not. */
function accepted({ object, compiler }: CObject, source: string, program: string): boolean {
  try {
    loadProgram(object, program).close();
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    say(
      `this kernel refuses what ${compiler} makes of ${path.basename(source)}: ${error.message.split('\n', 1)[0]}`,
    );
    return false;
  }
}

function argumentsOf(source: string, output: string): readonly string[] {
  const include = `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  return ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', include, '-c', source, '-o', output];
}

/** How the newest clang here compiles a C file; undefined where there is none. */
export function clangCommand(
  source: string,
  output: string,
): { readonly compiler: string; readonly args: readonly string[] } | undefined {
  const compiler = CLANGS.find((each) => spawnSync(each, ['--version']).error === undefined);
  return compiler === undefined ? undefined : { compiler, args: argumentsOf(source, output) };
}

function compileWith(compiler: string, source: string, output: string): CObject | undefined {
  try {
    execFileSync(compiler, argumentsOf(source, output), { stdio: 'pipe' });
    return { object: readElf(readFileSync(output)), compiler };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A C file through `-O2 -mcpu=v3` of the newest clang here whose `program` this kernel takes; undefined, with the reason
 * said, when there is none.
 */
export function compileC(source: string, program: string): CObject | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-c-'));
  try {
    for (const compiler of CLANGS) {
      const made = compileWith(compiler, source, path.join(folder, 'program.o'));
      if (made !== undefined && accepted(made, source, program)) return made;
    }
    say(`no ${CLANGS.join(' or ')} here whose code this kernel takes, so the C side is left out`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
