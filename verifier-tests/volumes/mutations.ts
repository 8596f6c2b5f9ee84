import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { sampling } from '../differential/agree.ts';
import { tokenMutated, tokenMutation } from '../differential/token-mutation.ts';
import { treeMutated, treeMutation } from '../differential/tree-mutation.ts';
import { type MutationSource, mutationSources, ROOT } from './mutation-sources.ts';

/** Mutants of all shards; each shard runs in a process of its own. */
const MUTANTS = 10_000;
const SHARDS = 2;

/** How far a mutant comes, and at least how many of a hundred come no further: else they would prove nothing of the rest. */
const STOPS = {
  "TypeScript's parser": 5,
  "TypeScript's checker": 10,
  'a refusal of ours': 5,
  'code in an object': 15,
} as const;
type Stop = keyof typeof STOPS;

const contents = new Map<string, string | undefined>();

/** Files as they were at first. */
function unchanged(file: string): string | undefined {
  if (!contents.has(file)) {
    try {
      contents.set(file, readFileSync(file, 'utf8'));
    } catch {
      contents.set(file, undefined);
    }
  }
  return contents.get(file);
}

/** Compiles the mutant, which has to come to code or to diagnostics. */
function stopOf(entry: string, changed: string, text: string): Stop {
  const { object, diagnostics } = compile(entry, {
    root: ROOT,
    readFile: (read) => (read === changed ? text : unchanged(read)),
  });
  expect(object === undefined, text).toBe(diagnostics.length > 0);
  // No mutant is deep enough for N9001: it would be recursion without end.
  const failures = diagnostics.filter(({ code }) => code === 'N9000' || code === 'N9001');
  expect(failures, text).toEqual([]);
  const code = diagnostics[0]?.code ?? '';
  if (object !== undefined) return 'code in an object';
  if (!code.startsWith('TS')) return 'a refusal of ours';
  return /^TS1\d{3}$/.test(code) ? "TypeScript's parser" : "TypeScript's checker";
}

/** Nine in ten change the syntax tree, and parse mostly; the others change the text, as a slip of the hand does. */
const arbitraryMutant = (sources: readonly MutationSource[]): fc.Arbitrary<[MutationSource, string]> =>
  fc
    .oneof(...sources.map((source) => ({ weight: source.weight, arbitrary: fc.constant(source) })))
    .chain((source) => {
      const byTree = fc
        .array(treeMutation, { minLength: 1, maxLength: 3 })
        .map((changes) => treeMutated(source.tree, changes));
      const byText = fc
        .array(tokenMutation, { minLength: 1, maxLength: 3 })
        .map((changes) => tokenMutated(source.tokens, changes));
      const text = fc.oneof({ weight: 9, arbitrary: byTree }, { weight: 1, arbitrary: byText });
      return fc.tuple(fc.constant(source), text);
    });

/** Whatever is done to the programs' sources, the compiler gives code or diagnostics, and never an exception. */
export function testShard(shard: number): void {
  const { seed = 0, numRuns = 0 } = sampling(MUTANTS / SHARDS);
  const own = { numRuns, seed: seed + shard - 1 };
  test(`${numRuns} mutants of programs, seed ${own.seed}, give code or diagnostics, never an exception`, () => {
    const stops = new Map<Stop, number>();
    fc.assert(
      fc.property(arbitraryMutant(mutationSources()), fc.nat(999), ([{ file }, text], choice) => {
        // Mostly the file alone, which is quick; now and then the whole dataplane with it.
        const entry = choice === 999 ? path.join(ROOT, 'programs', 'limit.ts') : file;
        const stop = stopOf(entry, file, text);
        stops.set(stop, (stops.get(stop) ?? 0) + 1);
      }),
      own,
    );
    const told = [...stops].map(([stop, count]) => `${count} at ${stop}`);
    process.stdout.write(`${numRuns} mutants, seed ${own.seed}, stopped: ${told.join(', ')}\n`);
    for (const stop of Object.keys(STOPS) as Stop[])
      expect(stops.get(stop) ?? 0, stop).toBeGreaterThanOrEqual((numRuns * STOPS[stop]) / 100);
  }, 3_600_000);
}
