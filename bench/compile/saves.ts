/** `natra dev` from a save to the report of the recompilation, for every file that the dataplane is made of. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median } from '../measure.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');
/** A direction's own file is compiled alone, what both are made of for both. */
const reportsOf = (source: string): number => (source.includes('classifier(') ? 1 : 2);
/** ms */
const PATIENCE = 60_000;

export interface SaveTimes {
  readonly files: number;
  /** Milliseconds from the save to the last program's line, by file: the median of its rounds. */
  readonly byFile: Readonly<Record<string, number>>;
  readonly median: number;
  readonly slowest: number;
  /** Of what the compiler itself says that the slower direction took. */
  readonly compiling: number;
}

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

export async function measureSaves(rounds: number): Promise<SaveTimes> {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-save-'));
  const names = copyPrograms(folder);
  const child = spawn(
    process.execPath,
    [path.join(PROJECT, 'scripts', 'natra.mjs'), 'dev', folder, '--no-tests', '--no-kernel'],
    { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  try {
    const dev = new Reader(child);
    await dev.until(/watching/g, 1);
    const saves: { readonly name: string; readonly took: number; readonly compiling: number }[] = [];
    for (let round = 0; round <= rounds; round++)
      for (const name of names) {
        const file = path.join(folder, name);
        const text = `${readFileSync(file, 'utf8')}// round ${round}\n`;
        const start = performance.now();
        writeFileSync(file, text);
        const told = await dev.until(/^ {2}\w+: \d+( \([+-]\d+\))? instructions$/gm, reportsOf(text));
        const took = performance.now() - start;
        // Both directions are compiled at the same time.
        const compiling = Math.max(
          ...[...told.matchAll(/compiled in (\d+) ms/g)].map(([, ms]) => Number(ms)),
        );
        // The first round is the compiler's own code's to warm up.
        if (round > 0) saves.push({ name, took, compiling });
        await dev.until(/agree on \d+ packets/g, reportsOf(text));
      }
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
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
