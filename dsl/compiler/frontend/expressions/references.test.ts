import { describe, expect, it } from 'vitest';
import { bodyOf, codesIn, codesOf, parseText } from '../testing.ts';

const LAYOUTS = `
const Address = struct({ high: be64, low: be64 });
const Header = struct({ type: be16, ttl: u8, source: Address, words: array(u32, 4) });
const counters = arrayMap({ value: struct({ packets: u64 }), maxEntries: 4 });`;
const body = (statements: string): string[] => bodyOf(statements, LAYOUTS);

describe('references', () => {
  it('read nested fields at their offsets and byte order', () => {
    expect(
      body('const h = skb.at(Header, 14);\nif (h === undefined) return 0;\nconst a = h.source.low;'),
    ).toEqual([
      'h: packet Header? = at(Header, 14:u32)',
      'if !(isPresent(h)) {',
      '  return 0:i32',
      '}',
      'a: u64 = load.be64(present(h)+8+8)',
    ]);
  });
  it('keep references to nested structs and arrays as such', () => {
    expect(
      body(
        'const h = skb.at(Header, 14);\nif (!h) return 0;\nconst w = h.words;\nskb.mark = w[2] + h.words.length;',
      ).slice(-2),
    ).toEqual(['w: packet u32[4] = present(h)+24', 'context.mark = (load.u32(w[2:u32]) +u32 4:u32)']);
  });
  it('are narrowed by &&, ||, ?: and negation as TypeScript narrows them', () => {
    const h = 'const h = skb.at(Header, 14);\n';
    expect(body(`${h}if (h && h.ttl > 1) return 1;`)[1]).toBe(
      'if (isPresent(h) && (u32(load.u8(present(h)+2)) > 1:u32)) {',
    );
    expect(body(`${h}if (!h || h.ttl > 1) return 1;`)[1]).toMatch(/^if \(!\(isPresent\(h\)\) \|\| /);
    expect(body(`${h}const t = h ? h.ttl : 64;`)[1]).toBe(
      't: u8 = (isPresent(h) ? load.u8(present(h)+2) : 64:u8)',
    );
    expect(body(`${h}const t = undefined !== h;`)[1]).toBe('t: bool = isPresent(h)');
  });
  it('chain by ?. to a comparison or a fallback', () => {
    const h = 'const h = skb.at(Header, 14);\n';
    expect(body(`${h}const is = h?.ttl === 64;`)[1]).toBe(
      'is: bool = (isPresent(h) ? (u32(load.u8(present(h)+2)) === 64:u32) : false)',
    );
    expect(body(`${h}const ttl = h?.ttl ?? 1;`)[1]).toBe(
      'ttl: u8 = (isPresent(h) ? load.u8(present(h)+2) : 1:u8)',
    );
    expect(body(`${h}const source = h?.source;`)[1]).toMatch(
      /^source: packet Address\? = \(isPresent\(h\) \? optional\(present\(h\)\+8\) : undefined\)$/,
    );
  });
  it('are what stands behind && where all before it are there', () => {
    const h = 'const h = skb.at(Header, 14);\n';
    expect(body(`${h}const n = h && skb.at(Header, 14 + h.ttl);`)[1]).toBe(
      'n: packet Header? = (isPresent(h) ? at(Header, (14:u32 +u32 u32(load.u8(present(h)+2)))) : undefined)',
    );
    expect(body(`${h}const s = h && h.source;`)[1]).toBe(
      's: packet Address? = (isPresent(h) ? optional(present(h)+8) : undefined)',
    );
    expect(body(`${h}const c = counters.lookup(1);\nif (h && (c && skb.at(Header, 0))) return 1;`)[2]).toBe(
      'if (isPresent(h) && (isPresent(c) && isPresent(at(Header, 0:u32)))) {',
    );
    expect(body(`${h}if (!(h && skb.at(Header, 0))) return 1;`)[1]).toBe(
      'if !((isPresent(h) && isPresent(at(Header, 0:u32)))) {',
    );
  });
  it('settle the memory of a variable that starts undefined', () => {
    expect(
      body(
        'let c: Ref<typeof Header> | undefined;\nif (skb.len > 99) c = skb.at(Header, 0);\nif (c) skb.mark = c.ttl;',
      ),
    ).toEqual([
      'c: packet Header? = undefined',
      'if (context.len > 99:u32) {',
      '  c = at(Header, 0:u32)',
      '}',
      'if isPresent(c) {',
      '  context.mark = u32(load.u8(present(c)+2))',
      '}',
    ]);
  });
  it('are refused where they may point into different memory', () => {
    expect(codesIn('const h = skb.len > 9 ? stack(Header) : skb.at(Header, 0);', LAYOUTS)).toEqual(['N2009']);
  });
  it('need the check that TypeScript asks for', () => {
    expect(codesIn('const h = skb.at(Header, 0);\nskb.mark = h.ttl;', LAYOUTS)).toEqual(['TS18048']);
  });
});

describe('records', () => {
  it('are values with fields, nested and by shorthand', () => {
    expect(
      body('const a = 1;\nconst r = { a, b: { c: 2n }, t: [1, true] as const };\nskb.tstamp = r.b.c;'),
    ).toEqual([
      'a: u32 = 1:u32',
      'r: { a: u32, b: { c: u64 }, t: { 0: u32, 1: bool } } = { a: a, b: { c: 2:u64 }, t: { 0: 1:u32, 1: true } }',
      'context.tstamp = r.b.c',
    ]);
  });
  it('assign to fields of a let', () => {
    expect(body('let r = { a: 1, b: { c: 2 } };\nr.b.c += 3;')[1]).toBe('r.b.c = (r.b.c +u32 3:u32)');
  });
  it('are taken apart by patterns', () => {
    expect(body('const { a, b: [x, y] } = { a: skb.len, b: [1, 2n] as const };')).toEqual([
      '.parts: { a: u32, b: { 0: u32, 1: u64 } } = { a: context.len, b: { 0: 1:u32, 1: 2:u64 } }',
      'a: u32 = .parts.a',
      'x: u32 = .parts.b.0',
      'y: u64 = .parts.b.1',
    ]);
  });
  it('hold optional references', () => {
    const lines = body('const r = { h: skb.at(Header, 0) };\nif (r.h !== undefined) skb.mark = r.h.ttl;');
    expect(lines).toContain('  context.mark = u32(load.u8(present(r.h)+2))');
  });
  it('give the fields of a declared type their widths', () => {
    expect(body('const r: { readonly a: u8; b: i64 } = { b: -1n, a: 3 };')).toEqual([
      'r: { a: u8, b: i64 } = { a: 3:u8, b: -1:i64 }',
    ]);
  });
});

it('what may not be undefined is named by its type', () => {
  const messages = (type: string): string[] =>
    parseText(
      `interface Pair { readonly a: u32; readonly b: u32 }\nexport function find(): ${type} | undefined { return undefined; }`,
    ).diagnostics.map(({ message }) => message);
  expect(messages('Pair')).toEqual(['only references may be undefined, not a record']);
  expect(messages('boolean')).toEqual(['only references may be undefined, not boolean']);
  expect(messages('u16')).toEqual(['only references may be undefined, not u16']);
  expect(messages('[u32, u32]')).toEqual(['only references may be undefined, not a record']);
});

it('a type that is optional already may be said to be so again', () => {
  expect(
    codesOf(`const Word = struct({ a: u32 });
type Found = Ref<typeof Word> | undefined;
function valueOf(word: Found | undefined): u32 { return word?.a ?? 1; }
export const example = classifier((skb) => { skb.mark = valueOf(skb.at(Word, 0)); return 0; });`),
  ).toEqual([]);
});
