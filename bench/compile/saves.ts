/** `natra dev` from a save to the report of the recompilation, for every file that the dataplane is made of. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../measure.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');
/** Constants whose values a save can raise by little: the code differs then, in the file and behind it. */
const CONSTANTS: Readonly<Record<string, string>> = {
  'congestion.ts': 'STEP',
  'flows.ts': 'QUANTUM_SHIFT',
  'headers.ts': 'IPPROTO_UDPLITE',
  'limit.ts': 'SMALL_PACKET',
  'wire.ts': 'UNREAD_HEADER_BYTES',
};
/** ms */
const PATIENCE = 60_000;
/** ms: `natra dev` is idle that has used no time of a processor meanwhile. */
const IDLE = 1_000;

/** Of saves of one kind. */
export interface SaveTimes {
  readonly files: number;
  /** Milliseconds from the save to the last program's line, by file: the median of its rounds. */
  readonly byFile: Readonly<Record<string, number>>;
  readonly median: number;
  readonly slowest: number;
  /** Of what the compiler itself says that the slowest program took. */
  readonly compiling: number;
}

export interface Saves {
  /** The same as `ofCode`, each file saved for the first time. */
  readonly first: SaveTimes;
  /** The value of a constant is another. */
  readonly ofCode: SaveTimes;
  /** A comment is added above all code of a file. */
  readonly ofComments: SaveTimes;
}

interface Save {
  readonly name: string;
  readonly took: number;
  readonly compiling: number;
}

type Edit = (name: string, text: string, round: number) => string;

/** What a process writes, waited for by words. */
class Reader {
  private written = '';
  private look: () => void = () => undefined;

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.written += chunk.toString();
        this.look();
      });
  }

  /** Resolves with what was written as soon as `words` occur `times` in it, up to there; forgets that much. */
  until(words: RegExp, times: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`natra dev: ${words} did not come; it said: ${this.written}`)),
        PATIENCE,
      );
      this.look = () => {
        const last = [...this.written.matchAll(words)][times - 1];
        if (last === undefined) return;
        clearTimeout(timer);
        this.look = () => undefined;
        const end = last.index + last[0].length;
        const before = this.written.slice(0, end);
        this.written = this.written.slice(end);
        resolve(before);
      };
      this.look();
    });
  }
}

/** A copy of programs/ that is saved in place of it. */
function copyPrograms(folder: string): readonly string[] {
  const source = path.join(PROJECT, 'programs');
  const language = path.relative(folder, path.join(PROJECT, 'dsl', 'lang'));
  const names = readdirSync(source).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  for (const name of names) {
    const text = readFileSync(path.join(source, name), 'utf8');
    writeFileSync(path.join(folder, name), text.replaceAll("'../dsl/lang/", `'${language}/`));
  }
  return names;
}

/** The files that one imports, itself included. */
function madeOf(name: string, folder: string, known = new Set<string>()): ReadonlySet<string> {
  if (known.has(name)) return known;
  known.add(name);
  const text = readFileSync(path.join(folder, name), 'utf8');
  for (const [, imported = ''] of text.matchAll(/from '\.\/([\w-]+\.ts)'/g)) madeOf(imported, folder, known);
  return known;
}

/** How many programs are made of a file: one a file with any, as natra's have. */
const programsOf = (name: string, folder: string, names: readonly string[]): number =>
  names.filter((each) => {
    const isProgram = readFileSync(path.join(folder, each), 'utf8').includes('classifier(');
    return isProgram && madeOf(each, folder).has(name);
  }).length;

const withComment: Edit = (_name, text, round) => `// round ${round}\n${text}`;

function withConstant(name: string, text: string): string {
  const edited = text.replace(
    new RegExp(`(const ${CONSTANTS[name]}\\b.* = )(\\d+)`),
    (_all, declared: string, value: string) => `${declared}${Number(value) + 1}`,
  );
  if (edited === text) throw new Error(`${name} has no constant ${CONSTANTS[name]}`);
  return edited;
}

function timesOf(saves: readonly Save[]): SaveTimes {
  const names = [...new Set(saves.map(({ name }) => name))];
  const byFile = Object.fromEntries(
    names.map((name) => [name, median(saves.filter((save) => save.name === name).map(({ took }) => took))]),
  );
  return {
    files: names.length,
    byFile,
    median: median(saves.map(({ took }) => took)),
    slowest: Math.max(...Object.values(byFile)),
    compiling: median(saves.map(({ compiling }) => compiling)),
  };
}

/** The time that a process has had of processors, in the kernel's ticks (proc(5), utime and stime). */
function ticksOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Resolves when a process waits for somebody to save. */
async function idle(child: ChildProcess): Promise<void> {
  for (let before = -1, now = ticksOf(child); now > before; before = now, now = ticksOf(child))
    await pause(IDLE);
}

/** Saves in one process: as soon as it has nothing to do, and again and again. */
export async function measureSaves(rounds: number): Promise<Saves> {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-save-'));
  const names = copyPrograms(folder);
  const child = spawn(
    process.execPath,
    [path.join(PROJECT, 'scripts', 'natra.mjs'), 'dev', folder, '--no-tests', '--no-kernel'],
    { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const dev = new Reader(child);
  const save = async (name: string, round: number, edit: Edit): Promise<Save> => {
    const file = path.join(folder, name);
    const reports = programsOf(name, folder, names);
    const text = edit(name, readFileSync(file, 'utf8'), round);
    const start = performance.now();
    writeFileSync(file, text);
    const told = await dev.until(/^ {2}\w+: \d+( \([+-]\d+\))? instructions$/gm, reports);
    const took = performance.now() - start;
    // Programs are compiled at the same time.
    const compiling = Math.max(...[...told.matchAll(/compiled in (\d+) ms/g)].map(([, ms]) => Number(ms)));
    await dev.until(/agree on \d+ packets/g, reports);
    return { name, took, compiling };
  };
  const all = async (files: readonly string[], times: number, edit: Edit): Promise<readonly Save[]> => {
    const saves: Save[] = [];
    for (let round = 0; round < times; round++)
      for (const name of files) saves.push(await save(name, round, edit));
    return saves;
  };
  try {
    await dev.until(/watching/g, 1);
    const constants = Object.keys(CONSTANTS);
    await idle(child);
    const first = timesOf(await all(constants, 1, withConstant));
    const ofCode = timesOf(await all(constants, rounds * 2, withConstant));
    await all(names, 1, withComment);
    return { first, ofCode, ofComments: timesOf(await all(names, rounds, withComment)) };
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
