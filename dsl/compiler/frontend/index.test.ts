import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseModule } from './index.ts';
import { parseText, treeOf } from './testing.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

describe('parseModule', () => {
  it.each(['limit', 'key'])('translates programs/%s.ts without a diagnostic', (name) => {
    const { tree, diagnostics } = parseModule(`programs/${name}.ts`, { root: ROOT });
    expect(diagnostics).toEqual([]);
    expect(tree?.programs.map((program) => program.name)).toEqual([name]);
  });
  it('reports what stock TypeScript refuses under its own code and span', () => {
    const { diagnostics, tree } = parseText(
      'export const p = classifier((skb) => {\n  skb.mark = skb.tstamp;\n  return 0;\n});',
    );
    expect(tree).toBeUndefined();
    expect(diagnostics).toMatchObject([
      {
        code: 'TS2322',
        span: { file: 'programs/example.ts', line: 3, column: 3, endLine: 3, endColumn: 11 },
      },
    ]);
  });
  it('reports a file that is not there', () => {
    expect(parseModule('programs/absent.ts', { root: ROOT }).diagnostics).toHaveLength(1);
  });
  it('names the span of a refusal in the file that holds it', () => {
    const { diagnostics } = parseText(
      "import { low } from './other.ts';\nexport const p = classifier((skb) => low(skb.len));",
      {
        'other.ts': 'export const low = (x: u32): u8 => x & 255;',
      },
    );
    expect(diagnostics).toMatchObject([
      { code: 'N2001', span: { file: 'programs/other.ts', line: 2, column: 36 } },
    ]);
  });
  it('finds anew what a change of an imported file makes wrong, two imports away too, and right again', () => {
    const user =
      "import { middle } from './middle.ts';\nexport const p = classifier((skb) => middle(skb.len));";
    const codesWith = (type: string, value: string) =>
      parseText(user, {
        'middle.ts': "import { far } from './far.ts';\nexport const middle = (x: u32) => far(x);",
        'far.ts': `export const far = (x: u32): ${type} => ${value};`,
      }).diagnostics.map(({ code }) => code);
    expect(codesWith('i32', 'i32(x)')).toEqual([]);
    expect(codesWith('i64', 'i64(u64(x))')).toEqual(['TS2322']);
    expect(codesWith('i32', 'i32(x)')).toEqual([]);
  });
  it('never holds an object of the TypeScript compiler', () => {
    const tree = treeOf('export const p = classifier((skb) => (skb.len > 4 ? TC_ACT_OK : TC_ACT_SHOT));');
    expect(() => structuredClone(tree)).not.toThrow();
  });
  it.each([
    'export const p = classifier((skb) => { label: for (;;) break label; return 0; });',
    'export const p = classifier((skb) => { const { a = 1 } = { a: 2 }; return 0; });',
    'export const p = classifier((skb) => { const [, b] = [1, 2] as const; const { ...rest } = { b }; return 0; });',
    'export const p = classifier(function (skb) { return arguments.length; });',
    'export const p = classifier((skb) => { enum E { A } return E.A; });',
    'export const p = classifier((skb) => { const o = { f() { return 1; } }; return o.f(); });',
    'export const p = classifier((skb) => { const x = (skb.len, skb.mark); return 0; });',
    'export const p = classifier((skb) => { skb["mark"] = 1; return 0; });',
    'export const p = classifier((skb) => { const t = [skb.len, 2]; return i32(t[skb.len] ?? 0); });',
    'export default classifier(() => 0);',
    'namespace N { export const a = 1; }\nexport const p = classifier(() => N.a);',
    'export const { a } = { a: 1 };',
    'export const p = classifier((skb) => { import("./other.ts"); return 0; });',
    'export const p = classifier((skb) => { const f = min; return 0; });',
    'export const p = classifier((skb) => { return (function () { return 0; })(); });',
  ])('refuses without a crash: %s', (text) => {
    const { tree, diagnostics } = parseText(text);
    expect(diagnostics.length > 0 || tree !== undefined).toBe(true);
    for (const d of diagnostics) expect(d.span.line).toBeGreaterThan(0);
  });
});
