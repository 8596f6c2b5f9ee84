import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Skb } from '../machine/skb.ts';
import { createVm } from '../vm/index.ts';
import { compile } from './compile.ts';
import { PASSES } from './passes/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
const entry = path.join(root, 'sample.ts');
const language =
  "import { classifier, clock, global, i32, noinline, struct, type u32, u64 } from './dsl/lang/index.ts';";

/** Compiles source text that stands in for a file beside the language. */
const compileText = (text: string, options = {}) =>
  compile(entry, {
    root,
    readFile: (file: string) => (file === entry ? `${language}\n${text}` : undefined),
    ...options,
  });

const COUNTER = `
const State = struct({ runs: u64, seen: u64 });
const state = global(State);
export const count = classifier(() => {
  state.runs += 1n;
  state.seen = clock.now();
  return 7;
});`;

describe('compile', () => {
  it('unrolls loops in loops only as far as they stay small together', () => {
    const nested = (depth: number): string =>
      depth === 0
        ? 'sum += a1 * skb.mark;'
        : `for (let a${depth} = 0; a${depth} < 6; a${depth}++) {\n${nested(depth - 1)}\n}`;
    const { object, diagnostics } = compileText(
      `export const p = classifier((skb) => {\nlet sum = 0;\n${nested(7)}\nreturn i32(sum);\n});`,
    );
    expect(diagnostics).toEqual([]);
    expect(object?.programs[0]?.code.length).toBeLessThan(8 * 500);
  });
  it.each([
    ['with its passes', new Set<string>()],
    ['without any pass', new Set(PASSES.map(({ name }) => name))],
  ])('makes an object that runs, %s', (_, disablePasses) => {
    const { object, diagnostics } = compileText(COUNTER, { disablePasses });
    expect(diagnostics).toEqual([]);
    const vm = createVm(object!);
    const runs = () => new DataView(vm.sections.get('.bss')!.buffer).getBigUint64(0, true);
    expect(vm.run('count', { memory: new Uint8Array(8) }).r0).toBe(7n);
    vm.run('count', { memory: new Uint8Array(8) });
    expect(runs()).toBe(2n);
    expect(object!.license).toBe('GPL');
    expect(object!.programs[0]!.lines[0]!.text).toContain('state.runs += 1n');
  });

  it('reads clocks from memory when it is asked to', () => {
    const { object, tree } = compileText(COUNTER, { seams: 'memory' });
    const section = tree!.sections.find(({ name }) => name === '.bss')!;
    const seams = section.variables.find(({ name }) => name === '__seams')!;
    const vm = createVm(object!);
    const bytes = vm.sections.get('.bss')!;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setBigUint64(seams.offset, 12345n, true);
    vm.run('count', { memory: new Uint8Array(8) });
    expect(view.getBigUint64(8, true)).toBe(12345n);
  });

  it('gives diagnostics and no object for a source with errors', () => {
    const { object, diagnostics } = compileText('export const wrong: string = 5;');
    expect(object).toBeUndefined();
    expect(diagnostics[0]!.code).toBe('TS2322');
  });

  it('reports its own failures at the construct at hand, and never throws', () => {
    const failing = (): never => {
      throw new Error('no such thing');
    };
    const afterwards = compileText(COUNTER, { afterPass: failing });
    expect(afterwards.object).toBeUndefined();
    expect(afterwards.diagnostics).toMatchObject([
      {
        code: 'N9000',
        message: 'the compiler fails here: no such thing',
        span: { file: 'sample.ts', line: 5 },
      },
    ]);
    const early = compileText(COUNTER, { readFile: failing });
    expect(early.diagnostics).toMatchObject([{ code: 'N9000', span: { file: 'sample.ts', line: 1 } }]);
  });

  it('says where a source is nested too deeply, and what to do', () => {
    const deep = `export const deep = classifier((skb) => {\n  return ${'('.repeat(20_000)}1${')'.repeat(20_000)};\n});`;
    const [inBrackets, ...others] = compileText(deep).diagnostics;
    expect(others).toEqual([]);
    expect(inBrackets).toMatchObject({ code: 'N9001', advice: expect.stringContaining('const') });
    expect(inBrackets?.span.column).toBe('  return '.length + 20_000);
  });

  // TypeScript alone would check the longest for minutes.
  it.each([2_000, 20_000, 60_000])('says of a sum of %i terms that it is nested too deeply', (terms) => {
    const long = `export const long = classifier((skb) => {\n  skb.mark = ${'skb.len + '.repeat(terms)}1;\n  return 0;\n});`;
    expect(compileText(long).diagnostics).toMatchObject([{ code: 'N9001', span: { column: 14 } }]);
  });

  it('takes a switch of thousands of cases', () => {
    const cases = Array.from({ length: 3_000 }, (_, index) => `case ${index * 7}: return ${index % 5};`);
    const { object, diagnostics } = compileText(`
export const choose = classifier((skb) => {
switch (skb.mark) {
${cases.join('\n')}
default: return 9;
}
});`);
    expect(diagnostics).toEqual([]);
    const vm = createVm(object!);
    const results = [0, 7 * 1_234, 7 * 2_999, 8, 21_000].map(
      (mark) => vm.run('choose', new Skb(new Uint8Array(64), { mark })).r0,
    );
    expect(results).toEqual([0n, 4n, 4n, 9n, 9n]);
  });

  it.each([
    [
      'maps',
      64,
      (index: number) => [
        `const m${index} = arrayMap({ value: Cell, maxEntries: 1 });`,
        `const v${index} = m${index}.lookup(0);\nif (v${index}) v${index}.a = 1n;`,
      ],
    ],
    [
      'functions',
      255,
      (index: number) => [
        `const f${index} = noinline((a: u64): u64 => a * ${index + 3}n);`,
        `skb.tstamp = f${index}(skb.tstamp);`,
      ],
    ],
  ] as const)('refuses more %s than one program may have', (_, most, part) => {
    const codes = (count: number): string[] => {
      const parts = Array.from({ length: count }, (_, index) => part(index));
      const text = `const Cell = struct({ a: u64 });\n${parts.map(([one]) => one).join('\n')}\nexport const example = classifier((skb) => {\n${parts.map(([, use]) => use).join('\n')}\nreturn 0;\n});`;
      return compileText(
        text.replace(/^/, "import { arrayMap } from './dsl/lang/index.ts';\n"),
      ).diagnostics.map(({ code }) => code);
    };
    expect(codes(most)).toEqual([]);
    expect(codes(most + 1)).toEqual(['N5005']);
  });

  it('evaluates the fields of a record in the order of the source', () => {
    const { object, diagnostics } = compileText(`
const State = struct({ runs: u64 });
const state = global(State);
const next = (): u64 => { state.runs += 1n; return state.runs; };
interface Pair { readonly first: u64; readonly second: u64 }
const pair = (): Pair => ({ second: next(), first: next() });
export const order = classifier(() => { const p = pair(); return p.first === 2n && p.second === 1n ? 7 : 0; });`);
    expect(diagnostics).toEqual([]);
    expect(createVm(object!).run('order', { memory: new Uint8Array(8) }).r0).toBe(7n);
  });

  it('names the instances of a noinline function apart', () => {
    const { object, diagnostics } = compileText(
      `
const State = struct({ runs: u64 });
const state = global(State);
const low = noinline((a: number) => { state.runs += 1n; return a; });
export const both = classifier((skb) => i32(low(skb.len)) + i32(low(i32(skb.mark))));`,
      { disablePasses: new Set(PASSES.map(({ name }) => name)) },
    );
    expect(diagnostics).toEqual([]);
    expect(object!.programs[0]!.functions.map(({ name }) => name)).toEqual(['both', 'low', 'low_1']);
  });
});

it('names values after no variable that is not in the source', () => {
  const { object } = compile('programs/examples/syn-capture.ts');
  const names = object!.programs[0]!.names!;
  const variables = names.filter(({ variable }) => variable).map(({ text }) => text);
  expect(new Set(variables)).toEqual(new Set(['ip', 'tcp']));
});

it('makes of programs beside each other what each is alone', () => {
  const files = ['rate-meter', 'syn-capture', 'cgroup-bytes'].map((name) => `programs/examples/${name}.ts`);
  const beside = files.map((file) => compile(file, { beside: files }));
  expect(beside.map(({ object }) => object?.programs.length)).toEqual([1, 1, 2]);
  expect(beside).toEqual(files.map((file) => compile(file)));
});
