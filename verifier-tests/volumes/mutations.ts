import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { sampling } from '../differential/agree.ts';
import { mutated, mutation, tokensOf } from '../differential/mutation.ts';

const root = path.resolve(import.meta.dirname, '../..');
const programs = path.join(root, 'programs');
const files = readdirSync(programs).filter((file) => /^\w+\.ts$/.test(file));
const sources = new Map(
  files.map((file) => [file, tokensOf(readFileSync(path.join(programs, file), 'utf8'))] as const),
);
/** Files that hold a whole program, whose good mutants take as long as the dataplane to compile. */
const WHOLE: ReadonlySet<string> = new Set(['egress.ts', 'ingress.ts']);
const anyFile = fc.constantFrom(
  ...files.flatMap((file) => Array.from({ length: WHOLE.has(file) ? 1 : 8 }, () => file)),
);

/** Mutants of all shards; each shard runs in a process of its own. */
const MUTANTS = 10_000;
const SHARDS = 2;

const contents = new Map<string, string>();

/** Files as they were at first. */
function unchanged(file: string): string | undefined {
  const known = contents.get(file);
  if (known !== undefined) return known;
  try {
    const text = readFileSync(file, 'utf8');
    contents.set(file, text);
    return text;
  } catch {
    return undefined;
  }
}

/** Whatever is done to the programs' sources, the compiler gives code or diagnostics, and never an exception. */
export function testShard(shard: number): void {
  const { seed = 0, numRuns = 0 } = sampling(MUTANTS / SHARDS);
  const own = { numRuns, seed: seed + shard - 1 };
  test(`${numRuns} mutants of programs, seed ${own.seed}, give code or diagnostics, never an exception`, () => {
    fc.assert(
      fc.property(
        anyFile,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        fc.nat(99),
        (file, mutations, choice) => {
          const text = mutations
            .reduce(mutated, sources.get(file) ?? [])
            .map((token) => token.text)
            .join('');
          const changed = path.join(programs, file);
          // Mostly the file alone, which is quick; now and then the whole program with it.
          const entry = choice === 99 ? path.join(programs, 'ingress.ts') : changed;
          const { object, diagnostics } = compile(entry, {
            root,
            readFile: (read) => (read === changed ? text : unchanged(read)),
          });
          expect(object === undefined, text).toBe(diagnostics.length > 0);
          expect(
            diagnostics.filter(({ code }) => code === 'N9000'),
            text,
          ).toEqual([]);
        },
      ),
      own,
    );
  }, 3_600_000);
}
