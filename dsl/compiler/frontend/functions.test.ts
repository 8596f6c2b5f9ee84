import { describe, expect, it } from 'vitest';
import { printTree } from '../tree/print.ts';
import { bodyOf, codesIn, codesOf, treeOf } from './testing.ts';

const printed = (text: string): string => printTree(treeOf(text)).replaceAll(/#\d+/g, '');

const HEADER = 'const Header = struct({ ttl: u8, size: be16 });\n';

describe('functions', () => {
  it('are made once for each kind of memory that their references point into', () => {
    const text = printed(
      `${HEADER}const spare = global(Header);
const ttl = (header: Ref<typeof Header>): u8 => header.ttl;
export const p = classifier((skb) => {
  const header = skb.at(Header, 0);
  skb.mark = header ? ttl(header) + ttl(spare) : ttl(spare);
  return 0;
});`,
    );
    expect(text).toContain('function ttl(header: packet Header): u8 {');
    expect(text.match(/function ttl\(header: global Header\)/g)).toHaveLength(1);
  });
  it('give verdicts of their kind without saying so', () => {
    const passed = (body: string) =>
      codesOf(`${body}\nexport const p = classifier((skb) => passed(skb.len));`);
    expect(passed('const passed = (n: u32) => (n > 9 ? TC_ACT_SHOT : TC_ACT_OK);')).toEqual([]);
    expect(passed('function passed(n: u32) { if (n > 9) return TC_ACT_SHOT; return TC_ACT_OK; }')).toEqual(
      [],
    );
    expect(passed('const passed = noinline((n: u32) => (n > 9 ? TC_ACT_SHOT : TC_ACT_OK));')).toEqual([]);
    expect(
      passed('const of = () => ({ verdict: TC_ACT_OK });\nconst passed = (n: u32) => of().verdict;'),
    ).toEqual([]);
    expect(passed('const passed = (n: u32) => (n > 9 ? 2 : 0);')).toEqual(['N2002']);
    expect(
      codesOf('const sum = (n: u32): u32 => n + TC_ACT_SHOT;\nexport const p = xdp(() => sum(XDP_DROP));'),
    ).toEqual([]);
  });
  it('take layouts, maps and functions as arguments', () => {
    const text = printed(
      `${HEADER}const hits = hashMap({ key: u32, value: struct({ n: u64 }), maxEntries: 8 });
function first<T>(skb: Skb, layout: Struct<T>): T | undefined { return skb.at(layout, 0); }
function bump<V extends { n: u64 }>(map: HashMap<u32, V>, key: u32): void {
  const entry = map.lookup(key);
  if (entry) entry.n += 1n;
}
export const p = classifier((skb) => {
  const header = first(skb, Header);
  if (header) bump(hits, header.ttl);
  return 0;
});`,
    );
    expect(text).toContain('return at(Header, 0:u32)');
    expect(text).toContain('bump(u32(load.u8(present(header)+0)))');
    expect(text).toContain('entry: map hits_value? = hits.lookup(key)');
  });
  it('convert arguments and results to what they declare', () => {
    const text = printed(
      `function wide(x: u32): u64 { return u64(x) << 1n; }
function narrow(x: i16): { low: i16; sign: boolean } { return { low: x, sign: x < 0 }; }
export const p = classifier((skb) => { skb.tstamp = wide(narrow(-3).sign ? 1 : 2); return narrow(5).low; });`,
    );
    expect(text).toContain('narrow(-3:i16)');
    expect(text).toContain('return i32(narrow(5:i16).low)');
  });
  it('that return only `undefined` give what they declare', () => {
    const text = printed(
      `${HEADER}function none(skb: Skb): Ref<typeof Header> | undefined { return undefined; }
export const p = classifier((skb) => { const h = none(skb); return h ? h.ttl : 0; });`,
    );
    expect(text).toMatch(/function none\(skb: context\): \w+ Header\? \{/);
  });
  it('give the one type that holds all they return', () => {
    const text = printed(
      `${HEADER}function find(skb: Skb, deep: boolean) {
  if (deep) return undefined;
  return skb.at(Header, 0);
}
function pick(skb: Skb) { if (skb.len > 9) return skb.protocol; return 1; }
export const p = classifier((skb) => { const h = find(skb, true); return h ? 1 : i32(pick(skb)); });`,
    );
    expect(text).toContain('function find(skb: context, deep: bool): packet Header? {');
    expect(text).toContain('function pick(skb: context): u32 {');
  });
  it('return undefined where they end or return without a value', () => {
    const text = printed(
      `${HEADER}function find(skb: Skb, deep: Ref<typeof Header> | undefined): Ref<typeof Header> | undefined {
  if (deep && deep.ttl > 9) return;
  if (skb.len > 9) return skb.at(Header, 0);
}
export const p = classifier((skb) => { if (find(skb, undefined)) skb.mark = 1; return 0; });`,
    );
    expect(text).toContain('function find(skb: context, deep: stack Header?): packet Header? {');
    expect(text).toContain('    return undefined\n  }\n');
    expect(text).toContain('  }\n  return undefined\n}');
  });
  it('whose return is refused are not told of as ending without one', () => {
    const refused = 'function clamp(x: u32): u32 { if (x > 9) return 9; return x ? 1 : 0; }';
    expect(codesIn('skb.mark = clamp(skb.len);', refused)).toEqual(['N2005']);
  });
  it('take patterns as parameters', () => {
    const text = printed(
      'const sum = ({ a, b }: { a: u32; b: u32 }): u32 => a + b;\nexport const p = classifier((skb) => i32(sum({ a: 1, b: skb.len })));',
    );
    expect(text).toContain('function sum(parameter0: { a: u32, b: u32 }): u32 {');
    expect(text).toContain('a: u32 = parameter0.a');
  });
  it('are called and not inlined when marked noinline', () => {
    const text = printed(
      'const mix = noinline((a: u64): u64 => a ^ (a >> 7n));\nexport const p = classifier((skb) => { skb.tstamp = mix(skb.tstamp); return 0; });',
    );
    expect(text).toContain('noinline function mix(a: u64): u64 {');
  });
  it('are checked where nothing calls them', () => {
    expect(codesOf('export function low(x: u32): u8 { return x & 255; }')).toEqual(['N2001']);
    expect(codesOf(`${HEADER}export function ttl(h: Ref<typeof Header>): u8 { return h.ttl + 1; }`)).toEqual([
      'N2001',
    ]);
  });
  it('may do to what a reference refers to whatever some memory allows, where nothing calls them', () => {
    const add =
      "const Cell = struct({ a: u64 });\nexport function add(cell: Ref<typeof Cell>): void { atomic.add(cell, 'a', 1n); }";
    expect(codesOf(add)).toEqual([]);
  });
  it('take and give no references where they are not inlined', () => {
    const reads = `${HEADER}const ttl = noinline((h: Ref<typeof Header>): u8 => h.ttl);\n`;
    expect(codesIn('const h = skb.at(Header, 0);\nif (h) skb.mark = ttl(h);', reads)).toEqual(['N5003']);
    const gives = `${HEADER}const find = noinline((skb: Skb) => skb.at(Header, 0));\n`;
    expect(codesIn('const h = find(skb);\nif (h) skb.mark = 1;', gives)).toEqual(['N5003']);
  });
  it('take no reference where they are not inlined, even if nothing calls them', () => {
    const Event =
      'const Event = struct({ a: u64 });\nconst events = ringBuffer({ value: Event, bytes: 4096 });\n';
    const submits = 'const give = noinline((event: Ref<typeof Event>): void => events.submit(event));\n';
    expect(codesIn('', Event + submits)).toEqual(['N5003']);
  });
  it('refuse mutual recursion', () => {
    const pair =
      'function even(n: u32): boolean { return n === 0 || odd(n - 1); }\nfunction odd(n: u32): boolean { return n !== 0 && even(n - 1); }';
    expect(codesIn('if (even(skb.len)) return 1;', pair)).toEqual(['N1015']);
  });
  it('pass the context on', () => {
    expect(
      bodyOf(
        'const packet = skb;\nreturn length(packet);',
        'const length = (skb: Skb): i32 => i32(skb.len);',
      ),
    ).toEqual(['return length(context)']);
  });
});

it('functions that grow beyond measure where they are inlined are refused at once', () => {
  const functions = (count: number): string =>
    Array.from({ length: count }, (_, index) =>
      index === 0
        ? 'const f0 = (a: u32): u32 => a * 7;'
        : `const f${index} = (a: u32): u32 => f${index - 1}(a + 1) ^ f${index - 1}(a * 3);`,
    ).join('\n');
  const program = (count: number): string =>
    `${functions(count)}\nexport const example = classifier((skb) => { skb.mark = f${count - 1}(skb.len); return 0; });`;
  expect(codesOf(program(8))).toEqual([]);
  expect(codesOf(program(40))).toEqual(['N5005']);
});
