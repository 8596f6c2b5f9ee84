/** `natra compile` as a process of its own, beside the least that Node.js takes and beside clang. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clangCommand } from '../clang.ts';
import { plainEnvironment } from '../environment.ts';
import { median } from '../measure.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');
const NATRA = path.join(PROJECT, 'scripts', 'natra.mjs');
const TWIN = path.join(PROJECT, 'bench', 'dataplane', 'twin.c');
/** The dataplane: the program of both directions. */
const LIMITER = path.join(PROJECT, 'programs', 'limit.ts');

/** Milliseconds from start to end, medians. */
export interface CommandLineTimes {
  readonly node: number;
  readonly dataplane: number;
  /** As `dataplane`, where V8 has no code of an earlier run. */
  readonly withoutCode: number;
  /** `clang -O2` on the same in C. */
  readonly clang: number | undefined;
  readonly compiler: string | undefined;
}

export function measureCommandLine(rounds: number): CommandLineTimes {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-compile-'));
  const timed = (command: string, ...args: readonly string[]): number => {
    const start = performance.now();
    const { status, stderr, stdout } = spawnSync(command, args, {
      cwd: folder,
      env: plainEnvironment(),
      encoding: 'utf8',
    });
    const took = performance.now() - start;
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || stdout}`);
    return took;
  };
  const build = path.join(PROJECT, 'build');
  const removeCode = (): void => {
    for (const name of readdirSync(build)) {
      if (name.endsWith('.cache')) rmSync(path.join(build, name), { force: true });
    }
  };
  const clang = clangCommand(TWIN, path.join(folder, 'twin.o'));
  const compile = (): number => timed(process.execPath, NATRA, 'compile', LIMITER);
  try {
    // The first brings the bundle up to date.
    compile();
    const times = Array.from({ length: rounds }, () => {
      removeCode();
      const withoutCode = compile();
      return {
        node: timed(process.execPath, '-e', '0'),
        withoutCode,
        dataplane: compile(),
        clang: clang === undefined ? undefined : timed(clang.compiler, ...clang.args),
      };
    });
    const of = (key: 'node' | 'withoutCode' | 'dataplane'): number =>
      median(times.map((round) => round[key]));
    const clangs = times.flatMap((round) => round.clang ?? []);
    return {
      node: of('node'),
      dataplane: of('dataplane'),
      withoutCode: of('withoutCode'),
      clang: clangs.length === 0 ? undefined : median(clangs),
      compiler: clang?.compiler,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
