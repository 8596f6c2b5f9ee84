import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ts } from 'ts-morph';
import { expect, test } from 'vitest';
import { printTree } from '../tree/print.ts';
import { type ParseOptions, type ParseResult, parseModule, parseUnchecked } from './index.ts';
import { checkTypes, isPresent, openProgram, type SourceProgram } from './program.ts';

/** Versions of each file: some look the same to those that import them, some do not, some are wrong. */
const VERSIONS = {
  'state.ts': [
    'const cells = hashMap({ key: u32, value: Cell, maxEntries: 8 });\nexport const find = (key: u32) => cells.lookup(key);',
    'const cells = hashMap({ key: u32, value: Cell, maxEntries: 16 });\nexport const find = (key: u32) => cells.lookup(key + 1);',
    'const cell = global(Cell);\nexport const find = (key: u32) => cell;',
    'const cells = hashMap({ key: u64, value: Cell, maxEntries: 8 });\nexport const find = (key: u32) => cells.lookup(key);',
  ].map(
    (text, at) =>
      `import { global, hashMap, struct, u32, u64 } from '../dsl/lang/index.ts';\nconst Cell = struct({ ${at === 1 ? 'mark: u64, count: u64' : 'count: u64, mark: u32'} });\n${text}\n`,
  ),
  'scale.ts': [
    'export const scale = (value: u32): u32 => value * 3;',
    '// the same to others\nexport const scale = (value: u32): u32 => value * 5 + 1;',
    'export const scale = (value: u32) => value * 3;',
    'export const scale = (value: u32) => u64(value);',
    'export const scale = (value: u32): u32 => missing(value);',
    'export const scale = 7;',
    "import { twice } from './twice.ts';\nexport const scale = (value: u32): u32 => value + 2;\nexport const both = (value: u32) => twice(value);",
    'export const scale = (value: u32): u32 => {',
  ].map((text) => `import { u32, u64 } from '../dsl/lang/index.ts';\n${text}\n`),
  'twice.ts': [
    "import { scale } from './scale.ts';\nexport const twice = (value: u32) => scale(scale(value));",
    "import { scale } from './scale.ts';\n\nexport const twice = (value: u32) => scale(scale(value) + 1);",
    "export { scale as twice } from './scale.ts';",
    "import { scale } from './scale.ts';\nexport const twice = scale;",
  ].map((text) => `import type { u32 } from '../dsl/lang/index.ts';\n${text}\n`),
  ...Object.fromEntries(
    ['first.ts', 'second.ts'].map((name, at) => [
      name,
      ['if (cell === undefined) return 1;', 'if (!cell) return 2;', '// nothing is checked'].map(
        (check) =>
          `import { classifier } from '../dsl/lang/index.ts';\nimport { find } from './state.ts';\nimport { twice } from './twice.ts';\nexport const count = classifier((skb) => {\n  const cell = find(skb.mark);\n  ${check}\n  cell.count += ${at + 1}n;\n  skb.mark = twice(skb.len);\n  return 0;\n});\n`,
      ),
    ]),
  ),
} satisfies Record<string, readonly string[]>;

const ENTRIES = ['first.ts', 'second.ts'];
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
let folders = 0;

type Parse = (entry: string, options: ParseOptions) => () => ParseResult;

const parseNow: Parse = (entry, options) => {
  const result = parseModule(entry, options);
  return () => result;
};

/** Translates all before any is checked. */
const parseAhead: Parse = (entry, options) => parseUnchecked(entry, options).check;

/** What both entries give, from files of a folder. */
function outcome(parse: Parse, folder: string, texts: ReadonlyMap<string, string>): readonly string[] {
  const readFile = (file: string) =>
    path.dirname(file) === folder ? texts.get(path.basename(file)) : undefined;
  const checks = ENTRIES.map((entry) => parse(entry, { root: folder, readFile, beside: ENTRIES }));
  return checks.map((check) => {
    const { tree, diagnostics } = check();
    return tree ? printTree(tree) : JSON.stringify(diagnostics);
  });
}

/** A folder that nothing has been parsed in. */
function newFolder(): string {
  folders += 1;
  return path.join(PROJECT, `folder-${folders}`);
}

const edit = fc
  .constantFrom(...Object.entries(VERSIONS))
  .chain(([name, versions]) => fc.constantFrom(...versions).map((text) => [name, text] as const));

test('after any edits the tree and the diagnostics are those of a process that has seen no other version', () => {
  const seen = { trees: 0, errors: 0 };
  fc.assert(
    fc.property(fc.array(edit, { minLength: 4, maxLength: 10 }), (edits) => {
      const texts = new Map(Object.entries(VERSIONS).map(([name, [first = '']]) => [name, first]));
      const folder = newFolder();
      const ahead = newFolder();
      outcome(parseNow, folder, texts);
      outcome(parseAhead, ahead, texts);
      for (const [name, text] of edits) {
        texts.set(name, text);
        const found = outcome(parseNow, newFolder(), texts);
        expect(outcome(parseNow, folder, texts)).toEqual(found);
        expect(outcome(parseAhead, ahead, texts)).toEqual(found);
        for (const each of found) seen[each.startsWith('[') ? 'errors' : 'trees'] += 1;
      }
    }),
    { numRuns: 6 },
  );
  expect(Math.min(seen.trees, seen.errors)).toBeGreaterThan(5);
});

test('what was said of expressions before the check is found wrong by it where imports have changed', () => {
  const folder = newFolder();
  const entry = path.join(folder, 'entry.ts');
  const open = (find: string) => {
    const texts = new Map([
      ['entry.ts', "import { find } from './find.ts';\nexport const found = () => find();\n"],
      ['find.ts', find],
    ]);
    return openProgram(entry, folder, (file) => texts.get(path.basename(file)), []);
  };
  /** The expression `find()`, which is in no file that changes. */
  const look = ({ program }: SourceProgram): boolean => {
    let call: ts.Expression | undefined;
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) call = node;
      ts.forEachChild(node, visit);
    };
    visit(program.getSourceFile(entry)!);
    return isPresent(call!, program.getTypeChecker());
  };
  const present = open('export const find = (): 1 => 1;\n');
  expect(look(present)).toBe(true);
  expect(checkTypes(present, folder, entry)).toEqual({ errors: [], asAssumed: true });
  const absent = open('export const find = (): 1 | undefined => undefined;\n');
  expect(look(absent)).toBe(true);
  expect(checkTypes(absent, folder, entry)).toEqual({ errors: [], asAssumed: false });
  expect(look(absent)).toBe(false);
});
