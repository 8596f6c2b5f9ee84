import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type BackEnd, compile, objectOf } from '../../../dsl/compiler/index.ts';
import type { ModuleTree } from '../../../dsl/compiler/tree/tree.ts';
import { Project } from './project.ts';
import { editsOf, Rehearsals, withOtherInteger } from './rehearsals.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'natra-rehearsals-'));
afterAll(() => rmSync(folder, { recursive: true }));
const LANGUAGE = path.relative(folder, path.resolve(import.meta.dirname, '../../../dsl/lang/index.ts'));

const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};
write(
  'part.ts',
  `import type { u32 } from '${LANGUAGE}';\nexport const scaled = (value: u32): u32 => value * 3;\n`,
);
const ENTRY = write(
  'entry.ts',
  `import { classifier } from '${LANGUAGE}';\nimport { scaled } from './part.ts';\nexport const count = classifier((skb) => {\n  skb.mark = scaled(skb.len + 7);\n  return 0;\n});\n`,
);

describe('a rehearsed text', () => {
  test('has one integer of the code that is another, and nothing else', () => {
    const words = fc.constantFrom(
      "import { x } from './ipv4.ts';",
      '// at 12 bytes',
      '/** 34 */',
      ' * 56',
      'const Header = struct({ type: be16 });',
    );
    const coded = fc.nat().map((value) => `const count = ${value}n;`);
    fc.assert(
      fc.property(
        fc.array(fc.oneof(words, coded)),
        coded,
        fc.array(words),
        fc.nat(),
        (before, own, after, place) => {
          const lines = [...before, own, ...after];
          const other = withOtherInteger(lines.join('\n'), place)?.split('\n') ?? [];
          expect(other).toHaveLength(lines.length);
          const changed = lines.flatMap((line, at) => (line === other[at] ? [] : [[line, other[at] ?? '']]));
          expect(changed).toEqual([
            [expect.stringMatching(/^const count = \d+n;$/), expect.stringMatching(/^const count = \d+n;$/)],
          ]);
        },
      ),
    );
  });

  test('is undefined where there is no integer', () => {
    expect(
      withOtherInteger("import { u32 } from './u32.ts';\nexport const of = u32(0x10);\n// 5\n", 3),
    ).toBeUndefined();
    expect([...editsOf(() => new Map([['none.ts', 'export const none = undefined;\n']]))]).toEqual([]);
    expect([...editsOf(() => new Map())]).toEqual([]);
  });
});

test('each edit is taken back before the next', () => {
  const sources = new Map([
    ['a.ts', 'const a = 5;\nconst b = 6;\n'],
    ['b.ts', 'const c = 7n;\n'],
  ]);
  const edits = [...editsOf(() => sources)];
  expect(edits.slice(0, 6).map(({ text }) => text)).toEqual([
    'const a = 4;\nconst b = 6;\n',
    sources.get('a.ts'),
    'const c = 6n;\n',
    sources.get('b.ts'),
    'const a = 5;\nconst b = 5;\n',
    sources.get('a.ts'),
  ]);
});

/** A back end in this thread, and what it was asked for. */
function backEnd() {
  const asked: { readonly tree: ModuleTree; readonly isRehearsal: boolean }[] = [];
  const make: BackEnd = async (tree, options, isRehearsal = false) => {
    asked.push({ tree, isRehearsal });
    return objectOf(tree, options);
  };
  return { asked, make };
}

test('rehearses what a save would compile, and leaves files, what is told and the next save as they were', async () => {
  const { asked, make } = backEnd();
  const project = new Project([folder], {}, make);
  const told: string[] = [];
  const tell = ({ file }: { readonly file: string }) => told.push(path.basename(file));
  await project.compile(undefined, tell);
  const texts = project.sources();
  expect([...texts.keys()].sort()).toEqual([ENTRY, path.join(folder, 'part.ts')]);
  for (const edit of editsOf(() => texts)) await project.rehearse(edit);
  const rehearsed = asked.splice(0).filter(({ isRehearsal }) => isRehearsal);
  expect(new Set(rehearsed.map(({ tree }) => JSON.stringify([...tree.sources]))).size).toBe(4);
  await project.rehearse({ file: ENTRY, text: 'export const wrong: string = 1;\n' });
  for (const [file, text] of texts) expect(readFileSync(file, 'utf8')).toBe(text);
  expect(told).toEqual(['entry.ts']);
  const saved = write('part.ts', readFileSync(path.join(folder, 'part.ts'), 'utf8').replace('* 3', '* 9'));
  const [compiled] = await project.compile(new Set([saved]), tell);
  expect(asked.map(({ isRehearsal }) => isRehearsal)).toEqual([false]);
  expect(compiled?.result.object).toEqual(compile(ENTRY).object);
});

test('while somebody waits nothing is rehearsed, and afterwards no more than is left', async () => {
  const { asked, make } = backEnd();
  const project = new Project([ENTRY], {}, make);
  await project.compile(undefined, () => undefined);
  const edits = [...editsOf(() => project.sources())].length;
  asked.splice(0);
  let idle = 3;
  const rehearsals = new Rehearsals(project, () => idle-- > 0);
  await rehearsals.goOn();
  expect(asked).toHaveLength(3);
  idle = Number.POSITIVE_INFINITY;
  await Promise.all([rehearsals.goOn(), rehearsals.goOn()]);
  expect(asked).toHaveLength(edits);
  await rehearsals.goOn();
  expect(asked).toHaveLength(edits);
});
