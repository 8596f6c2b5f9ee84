import { describe, expect, it } from 'vitest';
import { printTree } from '../../tree/print.ts';
import { bodyOf, codesOf, parseText, treeOf } from '../testing.ts';

describe('layouts', () => {
  it('align fields as C does, or pack them', () => {
    const tree = treeOf(`const N = 3;
export const a = global(struct({ x: u8, y: u64, z: array(be16, N * 2) }));
export const b = global(packed({ x: u8, y: u64 }));`);
    expect(tree.sections[0]?.variables.map((one) => [one.name, one.offset, one.layout.size])).toEqual([
      ['a', 0, 32],
      ['b', 32, 9],
    ]);
    expect(tree.sections[0]?.variables[0]?.layout.fields.map((field) => [field.name, field.offset])).toEqual([
      ['x', 0],
      ['y', 8],
      ['z', 16],
    ]);
  });
  it('have a size that is a constant', () => {
    expect(bodyOf('skb.mark = Inner.size * 2;', 'const Inner = struct({ a: u32, b: u8 });')).toEqual([
      'context.mark = 16:u32',
    ]);
  });
  it('name inline structs by their place', () => {
    const { sections } = treeOf('export const outer = global(struct({ inner: struct({ a: u32 }) }));');
    const field = sections[0]?.variables[0]?.layout.fields[0];
    expect(field?.layout).toMatchObject({ kind: 'struct', name: 'outer_inner', size: 4 });
  });
});

describe('sections', () => {
  it('are filled in the order of declaration over all files, imported ones first', () => {
    const tree = treeOf(
      "import { first } from './other.ts';\nexport const second = global(struct({ a: u64 }));\nexport const use = classifier(() => { second.a = first.x; return 0; });\nexport const limits = settings(struct({ l: u32 }));",
      {
        'other.ts': 'export const first = global(struct({ x: u64, y: u8 }));',
      },
    );
    expect(
      tree.sections.map((section) => [
        section.name,
        section.size,
        section.variables.map((one) => `${one.name}+${one.offset}`),
      ]),
    ).toEqual([
      ['.rodata', 4, ['limits+0']],
      ['.bss', 24, ['first+0', 'second+16']],
    ]);
    expect([...tree.sources.keys()].toSorted()).toEqual(['programs/example.ts', 'programs/other.ts']);
  });
});

describe('maps', () => {
  it('are described by their options', () => {
    const tree = treeOf(`const Key = struct({ source: be32, port: be16 });
const Value = struct({ bytes: u64 });
const SIZE = 1 << 10;
export const flows = lruHashMap({ key: Key, value: Value, maxEntries: SIZE });
export const perCpu = percpuArrayMap({ value: Value, maxEntries: 4 });`);
    expect(
      tree.maps.map(({ name, kind, keySize, valueSize, maxEntries }) => ({
        name,
        kind,
        keySize,
        valueSize,
        maxEntries,
      })),
    ).toEqual([
      { name: 'flows', kind: 'lruHash', keySize: 8, valueSize: 8, maxEntries: 1024 },
      { name: 'perCpu', kind: 'percpuArray', keySize: 4, valueSize: 8, maxEntries: 4 },
    ]);
  });
});

describe('constants', () => {
  it('fold: literals, expressions, objects, enums and names behind a namespace', () => {
    const { tree } = parseText(
      `import * as other from './other.ts';
const A = 3;
const B = { x: A * 2, list: [5, 6] } as const;
const enum Kind { First = 1, Second = 1 << 3 }
export const p = classifier((skb) => { skb.mark = B.x + B.list[1] + Kind.Second + other.C; return other.D; });`,
      { 'other.ts': 'export const C = 100;\nexport const D: i32 = -1;' },
    );
    expect(tree && printTree(tree)).toContain('context.mark = 120:u32\n  return -1:i32');
  });
  it('have the type that they declare', () => {
    expect(bodyOf('const v = LIMIT + skb.tstamp;', 'const LIMIT: u64 = 1n << 40n;')).toEqual([
      'v: u64 = (1099511627776:u64 +u64 context.tstamp)',
    ]);
    expect(codesOf('export const LIMIT: u8 = 300;')).toEqual(['N2004']);
  });
  it('are refused when they depend on themselves or on what is not constant', () => {
    expect(codesOf('export const a = random.u32();')).toEqual(['N2011']);
    expect(codesOf('const a: u32 = b;\nconst b: u32 = a;')).not.toEqual([]);
  });
});

describe('programs', () => {
  it('are exported classifiers, with or without the context, or named functions', () => {
    const tree = treeOf(
      'function drop(skb: Skb): i32 { return skb.len > 9 ? TC_ACT_SHOT : TC_ACT_OK; }\nexport const one = classifier(() => TC_ACT_OK);\nexport const two = classifier(drop);',
    );
    expect(
      tree.programs.map((program) => [
        program.name,
        program.kind,
        program.entry.name,
        program.entry.parameters.length,
      ]),
    ).toEqual([
      ['one', 'classifier', 'one', 0],
      ['two', 'classifier', 'drop', 1],
    ]);
  });
});

it('programs may be exported in a list of names', () => {
  const text =
    'const one = classifier(() => 0);\nconst two = classifier(() => 0);\nconst three = classifier(() => 0);';
  expect(codesOf(`${text}\nexport { one, two as other };`)).toEqual(['N5001']);
  expect(codesOf(`${text}\nexport { one, two as other };\nexport { three };`)).toEqual([]);
});

it('default exports and namespaces are refused by their names', () => {
  const messages = (text: string): string[] => parseText(text).diagnostics.map(({ message }) => message);
  expect(messages('export default classifier(() => 0);')).toEqual(['unsupported syntax: a default export']);
  expect(messages('namespace Names { export const one = 1; }')).toEqual(['unsupported syntax: a namespace']);
});

it('a spin lock at an odd byte of a packed value is refused', () => {
  const values = (layout: string): string[] =>
    codesOf(`const values = arrayMap({ value: ${layout}, maxEntries: 1 });`);
  expect(values('packed({ kind: u8, lock: spinLock, time: u64 })')).toEqual(['N3017']);
  expect(values('packed({ kind: u32, lock: spinLock, time: u64 })')).toEqual([]);
});

it('keys and values that no map of the kind has room for are refused', () => {
  const map = (kind: string, value: string): string[] =>
    codesOf(
      `const values = ${kind}({ ${kind.endsWith('rrayMap') ? '' : 'key: u32, '}value: struct({ cells: ${value} }), maxEntries: 1 });`,
    );
  expect(map('percpuArrayMap', 'array(u64, 4096)')).toEqual([]);
  expect(map('percpuArrayMap', 'array(u64, 4097)')).toEqual(['N3010']);
  expect(map('lruPercpuHashMap', 'array(u64, 4097)')).toEqual(['N3010']);
  expect(map('arrayMap', 'array(u64, 600000)')).toEqual([]);
  expect(map('hashMap', 'array(u64, 600000)')).toEqual(['N3010']);
  const key = (cells: number): string[] =>
    codesOf(
      `const Key = struct({ cells: array(u64, ${cells}) });\nconst values = hashMap({ key: Key, value: struct({ a: u8 }), maxEntries: 1 });`,
    );
  expect([key(64), key(65)]).toEqual([[], ['N3010']]);
});

it('empty keys and values, and numbers of entries that no kernel takes are refused', () => {
  const hash = (key: string, value: string, maxEntries = '4'): string[] =>
    codesOf(
      `const values = hashMap({ key: ${key}, value: struct({ ${value} }), maxEntries: ${maxEntries} });`,
    );
  expect(hash('u32', 'a: u32')).toEqual([]);
  expect(hash('u32', '')).toEqual(['N3010']);
  expect(hash('struct({})', 'a: u32')).toEqual(['N3010']);
  expect(hash('u32', 'a: u32', '0')).toEqual(['N2013']);
  expect(hash('u32', 'a: u32', '-1')).toEqual(['N2013']);
  expect(hash('u32', 'a: u32', '0x80000001')).toEqual(['N2013']);
  expect(hash('u32', 'a: u32', '0x20000000')).toEqual(['N3010']);
  expect(codesOf('const cells = global(struct({ of: array(u32, 0) }));')).toEqual(['N2013']);
  expect(
    codesOf('const few = arrayMap({ value: struct({ a: array(u64, 60000000) }), maxEntries: 16 });'),
  ).toEqual(['N3010']);
  expect(
    codesOf(
      'const slots = arrayOfMaps({ inner: arrayMap({ value: struct({}), maxEntries: 1 }), maxEntries: 1 });',
    ),
  ).toEqual(['N3010']);
});

it('a ring buffer whose records never fit, and one in a map of maps, are refused', () => {
  const ring = (words: number, bytes = '4096'): string[] =>
    codesOf(`const events = ringBuffer({ value: struct({ of: array(u64, ${words}) }), bytes: ${bytes} });`);
  expect([ring(511), ring(512)]).toEqual([[], ['N3010']]);
  expect([ring(1, '0'), ring(1, '4095'), ring(1, '12288')]).toEqual([['N2013'], ['N3010'], ['N3010']]);
  expect(
    codesOf(
      'const rings = arrayOfMaps({ inner: ringBuffer({ value: struct({ a: u64 }), bytes: 4096 }), maxEntries: 1 });',
    ),
  ).toEqual(['N3010']);
});

it('memory beyond 2 GiB is refused, in one layout and in all globals', () => {
  expect(codesOf('const Huge = struct({ a: array(array(u64, 0x7fffffff), 0x7fffffff) });')).toEqual([
    'N3022',
  ]);
  const half = 'global(struct({ of: array(u64, 0x8000000) }));';
  expect(codesOf(`const first = ${half}`)).toEqual([]);
  expect(codesOf(`const first = ${half}\nconst second = ${half}`)).toEqual(['N3022']);
});

it('names that no kernel takes are refused', () => {
  expect(codesOf('const $flows = hashMap({ key: u32, value: struct({ a: u32 }), maxEntries: 4 });')).toEqual([
    'N5010',
  ]);
  expect(
    codesOf('const flows = hashMap({ key: u32, value: struct({ größe: u32 }), maxEntries: 4 });'),
  ).toEqual(['N5010']);
  expect(codesOf("const state = global(struct({ 'a b': u32 }));")).toEqual(['N5010']);
  expect(codesOf("const state = global(struct({ '': u32 }));")).toEqual(['N5010']);
  expect(codesOf('const Größe = struct({ a: u32 });\nconst state = global(Größe);')).toEqual(['N5010']);
  expect(codesOf('export const zähler = classifier(() => 0);')).toEqual(['N5010']);
  expect(
    codesOf('const aNameOfSixteens = hashMap({ key: u32, value: struct({ a: u32 }), maxEntries: 4 });'),
  ).toEqual([]);
  expect(
    codesOf('const aNameOfSixteen16 = hashMap({ key: u32, value: struct({ a: u32 }), maxEntries: 4 });'),
  ).toEqual(['N5006']);
});
