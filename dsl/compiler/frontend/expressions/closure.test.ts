import { describe, expect, it } from 'vitest';
import { bodyOf, codesIn, codesOf } from '../testing.ts';

describe('functions inside functions', () => {
  it('are called where they stand, with the variables around them', () => {
    expect(bodyOf('const by = skb.mark;\nconst add = (x: u32) => x + by;\nskb.mark = add(1);')).toEqual([
      'by: u32 = context.mark',
      'context.mark = add(1:u32)',
    ]);
  });

  it('are no values', () => {
    expect(codesIn('const record = { f: (x: u32) => x };')).toEqual(['N1019']);
    expect(codesIn('let f = (x: u32) => x;\nskb.mark = f(1);')).toEqual(['N1019']);
    expect(
      codesOf('const make = () => (x: u32) => x;\nexport const p = classifier(() => { make(); return 0; });'),
    ).toEqual(['N1019']);
  });

  it('are not hoisted, not recursive, not suspended', () => {
    expect(codesIn('function f(): void {}')).toEqual(['N1014']);
    expect(codesIn('skb.mark = ((x: u32) => x)(1);')).toEqual([]);
    expect(codesIn('const f = (x: u32): u32 => (x === 0 ? 0 : f(x - 1));\nskb.mark = f(2);')).toEqual([
      'N1015',
    ]);
    expect(codesIn('const f = async () => {};')).toContain('N1003');
  });

  it('see no variable that is declared behind their call', () => {
    expect(codesIn('const f = () => later;\nskb.mark = f();\nconst later = skb.len;')).toEqual(['N1019']);
  });
});

describe('parameters that may be left out', () => {
  it('take their defaults', () => {
    expect(
      bodyOf(
        'skb.mark = scale(skb.len);',
        'const TWO = 2;\nfunction scale(x: u32, by: u32 = TWO): u32 { return x * by; }',
      ),
    ).toEqual(['context.mark = scale(context.len, 2:u32)']);
  });

  it('are references where they have no default, and are undefined then', () => {
    const find = 'const L = struct({ a: u32 });\nfunction a(l?: Ref<typeof L>): u32 { return l?.a ?? 7; }';
    expect(codesIn('skb.mark = a() + a(skb.at(L, 0));', find)).toEqual([]);
    expect(codesIn('skb.mark = f();', 'function f(x?: u32): u32 { return x ?? 1; }')).toEqual(['N2010']);
  });

  it('do not see other parameters in their defaults', () => {
    expect(codesIn('skb.mark = f(1);', 'function f(a: u32, b: u32 = a): u32 { return a + b; }')).toEqual([
      'N1019',
    ]);
  });
});

describe('chains', () => {
  const MAP = 'const counts = hashMap({ key: u32, value: struct({ n: u64 }), maxEntries: 4 });';

  it('compute once what stands before them', () => {
    const text = bodyOf('skb.tstamp = counts.lookup(skb.mark)?.n ?? 0n;', MAP).join('\n');
    expect(text.match(/lookup/g)).toHaveLength(1);
  });

  it('of integers need a fallback or a comparison', () => {
    expect(codesIn('const n = counts.lookup(1)?.n;', MAP)).toEqual(['N2010']);
    expect(codesIn('if (counts.lookup(1)?.n === 3n) skb.mark = 1;', MAP)).toEqual([]);
    expect(codesIn('if (counts.lookup(1)?.n === undefined) skb.mark = 1;', MAP)).toEqual([]);
  });

  it('stand on the left of a comparison with what has effects', () => {
    const counter = `${MAP}\nconst state = global(struct({ n: u64 }));`;
    expect(
      codesIn("if (atomic.fetchAdd(state, 'n', 1n) === counts.lookup(1)?.n) skb.mark = 1;", counter),
    ).toEqual(['N2012']);
    expect(
      codesIn("if (counts.lookup(1)?.n === atomic.fetchAdd(state, 'n', 1n)) skb.mark = 1;", counter),
    ).toEqual([]);
  });
});
