import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Likeness } from './backend/likeness.ts';
import { treeOf } from './compile.ts';
import { objectAgain, objectOf } from './generate.ts';
import { lowerProgram } from './lower/index.ts';
import { RememberedCode } from './remembered.ts';
import type { ModuleTree } from './tree/tree.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ENTRY = path.join(ROOT, 'programs/examples/rate-meter.ts');
const SOURCE = readFileSync(ENTRY, 'utf8');

function treeFrom(text: string): ModuleTree {
  const { tree } = treeOf(ENTRY, { root: ROOT, readFile: (file) => (file === ENTRY ? text : undefined) });
  return tree!;
}

/** How often `work` has a program made that was not remembered. */
class Counting extends RememberedCode {
  made = 0;

  override of(...[program, options, make]: Parameters<RememberedCode['of']>) {
    return super.of(program, options, (same) => {
      this.made += 1;
      return make(same);
    });
  }
}

const LINES = SOURCE.split('\n');
/** Lines that a comment can stand above. */
const PLACES = LINES.flatMap((line, at) =>
  /^\s*(\/\*\*|const|let|if|return|import|export)/.test(line) ? [at] : [],
);

describe('remembered code', () => {
  const remembered = new Counting();
  const first = treeFrom(SOURCE);
  const programs = first.programs.length;
  objectAgain(remembered, first, {});

  test('is that of a new compiler wherever comments have moved a program to, and is made once', () => {
    fc.assert(
      fc.property(fc.subarray(PLACES, { minLength: 1 }), (places) => {
        const moved = LINES.flatMap((line, at) => (places.includes(at) ? ['// here', line] : [line]));
        const tree = treeFrom(moved.join('\n'));
        expect(objectAgain(remembered, tree, {})).toEqual({ object: objectOf(tree).object, diagnostics: [] });
      }),
      { numRuns: 5 },
    );
    expect(remembered.made).toBe(programs);
  });

  test('is that of a new compiler where constants are others', () => {
    const applied = vi.spyOn(Likeness.prototype, 'applied');
    for (const second of ['2_000_000_000n', '5n', '10_000_000_000n']) {
      const tree = treeFrom(SOURCE.replace('SECOND = 1_000_000_000n', `SECOND = ${second}`));
      const { object } = objectOf(tree);
      expect(objectAgain(new RememberedCode(), tree, {})).toEqual({ object, diagnostics: [] });
      expect(objectAgain(remembered, tree, {})).toEqual({ object, diagnostics: [] });
    }
    expect(applied).toHaveBeenCalled();
  });

  test('has the names that the source has now', () => {
    const before = remembered.made;
    const named = treeFrom(SOURCE.replaceAll('elapsed', 'since'));
    const { object } = objectAgain(remembered, named, {});
    expect(object).toEqual(objectOf(named).object);
    expect(remembered.made).toBe(before);
    expect(JSON.stringify(object!.programs)).toContain('since');
  });

  test('is that of a program that does the same under another name', () => {
    const module = (...names: readonly string[]) =>
      treeFrom(
        [
          "import { classifier, noinline, type Skb, type u32 } from '../../dsl/lang/index.ts';",
          'const twice = noinline((value: u32): u32 => value * 2);',
          'const mark = (skb: Skb) => { skb.mark = twice(skb.len); return 0; };',
          ...names.map((name) => `export const ${name} = classifier(mark);`),
        ].join('\n'),
      );
    const one = new Counting();
    for (const tree of [module('one', 'other'), module('twice_1'), module('other')])
      expect(objectAgain(one, tree, {})).toEqual({ object: objectOf(tree).object, diagnostics: [] });
    expect(one.made).toBe(1);
  });

  test('is made anew for other instructions, another instruction set and other passes', () => {
    const made = () => {
      const before = remembered.made;
      return { times: () => remembered.made - before };
    };
    const tree = treeFrom(SOURCE);
    for (const options of [{ cpu: 'v1' }, { disablePasses: new Set(['thread-jumps']) }] as const) {
      const count = made();
      expect(objectAgain(remembered, tree, options).object).toEqual(objectOf(tree, options).object);
      expect(count.times()).toBe(programs);
    }
    const other = treeFrom(SOURCE.replace('known.bytes += bytes', 'known.bytes += bytes + 1n'));
    const count = made();
    expect(objectAgain(remembered, other, {}).object).toEqual(objectOf(other).object);
    expect(count.times()).toBeGreaterThan(0);
  });

  test('is kept for the sixteen programs that were asked for last', () => {
    const kept = new Counting();
    const [program] = first.programs;
    const ir = lowerProgram(first, program!);
    for (let at = 0; at < 17; at += 1) kept.of(ir, `${at}`, () => []);
    kept.of(ir, '16', () => []);
    expect(kept.made).toBe(17);
    kept.of(ir, '0', () => []);
    expect(kept.made).toBe(18);
  });

  test('takes no place of an error from elsewhere', () => {
    const imports = "import { array, classifier, stack, struct, u64 } from '../../dsl/lang/index.ts';";
    const use = 'large.words[skb.mark & 63] = 1n;\n  skb.tstamp = large.words[skb.len & 63];';
    const text = `const Large = struct({ words: array(u64, 80) });\nexport const example = classifier((skb) => {\n  const large = stack(Large);\n  ${use}\n  return 0;\n});\n`;
    for (const tree of [treeFrom(`${imports}\n${text}`), treeFrom(`${imports}\n\n${text}`)]) {
      const { diagnostics } = objectOf(tree);
      expect(diagnostics).toMatchObject([{ code: 'N5005', span: { file: expect.stringMatching(/meter/) } }]);
      expect(objectAgain(remembered, tree, {})).toEqual({ diagnostics });
    }
  });
});
