import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ts } from 'ts-morph';
import { describe, expect, test } from 'vitest';
import { checkTypes, openProgram } from './program.ts';
import { changedConstants } from './seen-constants.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
let folders = 0;

/** Reads from texts of a folder that nothing has been read from. */
function newFolder() {
  folders += 1;
  const folder = path.join(PROJECT, `constants-${folders}`);
  const texts = new Map<string, string>();
  const readFile = (file: string) =>
    path.dirname(file) === folder ? texts.get(path.basename(file)) : undefined;
  return { folder, texts, readFile };
}

describe('constants that differ between declarations', () => {
  const text = (limit: string, more = '') =>
    `import type { u32 } from './lang.ts';\nexport declare const LIMIT = ${limit};\ndeclare const inner = -2n;\nexport declare const scale: (value: u32) => u32;\n${more}`;

  test('are named where nothing else is different', () => {
    expect(changedConstants(text('3'), text('3'))).toEqual(new Set());
    expect(changedConstants(text('3'), text('40'))).toEqual(new Set(['LIMIT']));
    expect(changedConstants(text('true'), text('"yes"').replace('-2n', '7n'))).toEqual(
      new Set(['LIMIT', 'inner']),
    );
  });

  test('are not told from other changes', () => {
    for (const other of [
      text('3', 'export declare const more = 1;\n'),
      text('3').replace('=> u32', '=> u64'),
    ])
      expect(changedConstants(text('3'), other)).toBeUndefined();
    expect(changedConstants(text('3'), text('4').replace('const LIMIT', 'const BOUND'))).toBeUndefined();
    expect(changedConstants(text('3'), text('number'))).toBeUndefined();
  });

  test('are anything where what is declared beside them is declared by them', () => {
    const more = 'export type Limit = typeof LIMIT;\n';
    expect(changedConstants(text('3', more), text('4', more))).toBeUndefined();
  });
});

/** Ways for an entry to come to a constant of limits.ts, whose value is its type. */
const WAYS: Readonly<Record<string, { readonly between: string; readonly entry: string }>> = {
  'by its name': {
    between: 'export const unused = 1;',
    entry: "import { LIMIT as limit } from './limits.ts';\nconst three: 3 = limit;",
  },
  'by another name': {
    between: "export { LIMIT as BOUND } from './limits.ts';",
    entry: "import { BOUND } from './between.ts';\nconst three: 3 = BOUND;",
  },
  'by a constant that has it': {
    between: "import { LIMIT } from './limits.ts';\nexport const BOUND = LIMIT;",
    entry: "import { BOUND } from './between.ts';\nconst three: 3 = BOUND;",
  },
  'by a type of it': {
    between: "import { LIMIT } from './limits.ts';\nexport const bound = (): typeof LIMIT => LIMIT;",
    entry: "import { bound } from './between.ts';\nconst three: 3 = bound();",
  },
  'by a type beside it': {
    between: 'export const unused = 1;',
    entry: "import type { Limit } from './limits.ts';\nconst three = (value: Limit): 3 => value;",
  },
  'by all that its file has': {
    between: "import * as limits from './limits.ts';\nexport const all = limits;",
    entry: "import { all } from './between.ts';\nconst three = (key: keyof typeof all): 3 => all[key];",
  },
  'by all of its file that another has': {
    between: "export * as limits from './limits.ts';",
    entry:
      "import { limits } from './between.ts';\nconst three = (key: keyof typeof limits): 3 => limits[key];",
  },
  'by all of its file, in one': {
    between: 'export const unused = 1;',
    entry: "import * as all from './limits.ts';\nconst three = (key: keyof typeof all): 3 => all[key];",
  },
  'by the type of its file': {
    between: "export type All = typeof import('./limits.ts');",
    entry:
      "import type { All } from './between.ts';\nconst three = (all: All, key: keyof All): 3 => all[key];",
  },
};

test.each(Object.keys(WAYS))(
  'a file that comes to a constant %s is checked for each of its values',
  (way) => {
    const { between = '', entry = '' } = WAYS[way] ?? {};
    const limits = (value: number) =>
      `export const LIMIT = ${value};\n${way.includes('beside') ? 'export type Limit = typeof LIMIT;\n' : ''}`;
    const errorsOf = ({ folder, texts, readFile }: ReturnType<typeof newFolder>, value: number) => {
      texts.set('limits.ts', limits(value));
      texts.set('between.ts', `${between}\n`);
      texts.set(
        'entry.ts',
        `${entry}\nimport { classifier } from '../dsl/lang/index.ts';\nexport const count = classifier(() => { three; return 0; });\n`,
      );
      const source = openProgram(path.join(folder, 'entry.ts'), folder, readFile, []);
      return checkTypes(source, folder, path.join(folder, 'entry.ts')).errors;
    };
    const resident = newFolder();
    const codes = [3, 4, 3, 5, 6, 3].map((value) => {
      const errors = errorsOf(resident, value);
      expect(errors).toEqual(errorsOf(newFolder(), value));
      return errors.map(({ code }) => code);
    });
    expect(codes.map((each) => each.includes('TS2322'))).toEqual([false, true, false, true, true, false]);
  },
);

test('a file that sees no constant that is another is not checked again', () => {
  const { folder, texts, readFile } = newFolder();
  texts.set('limits.ts', 'export const LIMIT = 3;\nexport const OTHER = 5;\n');
  texts.set(
    'scale.ts',
    "import { LIMIT } from './limits.ts';\nimport type { u32 } from '../dsl/lang/index.ts';\nexport const scale = (value: u32): u32 => value * LIMIT;\n",
  );
  texts.set(
    'entry.ts',
    "import { classifier } from '../dsl/lang/index.ts';\nimport { OTHER } from './limits.ts';\nimport { scale } from './scale.ts';\nexport const count = classifier((skb) => scale(skb.len) + OTHER);\n",
  );
  const entry = path.join(folder, 'entry.ts');
  const checkedWith = (limit: number, other: number) => {
    texts.set('limits.ts', `export const LIMIT = ${limit};\nexport const OTHER = ${other};\n`);
    const source = openProgram(entry, folder, readFile, []);
    const files: string[] = [];
    const whole = source.program.getSemanticDiagnostics;
    source.program.getSemanticDiagnostics = (file?: ts.SourceFile, token?: ts.CancellationToken) => {
      files.push(path.basename(file?.fileName ?? ''));
      return whole(file, token);
    };
    expect(checkTypes(source, folder, entry).errors).toEqual([]);
    return files;
  };
  checkedWith(3, 5);
  // Nothing is known of the declarations yet.
  checkedWith(4, 5);
  expect(checkedWith(6, 5)).toEqual(['limits.ts', 'scale.ts']);
  expect(checkedWith(6, 7)).toEqual(['limits.ts', 'entry.ts']);
  expect(checkedWith(6, 8)).toEqual(['limits.ts', 'entry.ts']);
});
