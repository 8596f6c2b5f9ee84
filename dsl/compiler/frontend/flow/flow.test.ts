import { describe, expect, it } from 'vitest';
import { codesIn } from '../testing.ts';

const STATE = `
const Header = struct({ type: be16, length: u8 });
const Wide = struct({ bytes: array(u8, 64) });
const state = global(struct({ cells: array(u64, 16), bytes: array(u8, 256), odd: array(u64, 10) }));
const pull = (skb: Skb): void => { skbPullData(skb, 64); };
const store = (index: u32): void => { state.cells[index] = 1n; };
const pair = (x: u32): { low: u32; high: u32 } => ({ low: x & 7, high: 8 + (x >>> 29) });`;
const codes = (statements: string): string[] => codesIn(statements, STATE);

describe('array indices', () => {
  it.each([
    ['a mask', 'state.cells[skb.len & 15] = 1n;'],
    ['a shift', 'state.cells[skb.len >>> 28] = 1n;'],
    ['the width of the type', 'state.bytes[u8(skb.len)] = 1;'],
    ['a minimum', 'state.odd[min(skb.len, 9)] = 1n;'],
    ['a counter', 'for (let i = 0; i < 10; i++) state.odd[i] = 1n;'],
    ['a long counter', 'for (let i = 0; i < 256; i++) state.bytes[i] = 1;'],
    ['a range', 'for (const i of range(4)) state.cells[i * 4 + 3] = 1n;'],
    ['a choice', 'state.odd[skb.len > 4 ? 9 : skb.len & 1] = 1n;'],
    ['a comparison', 'const i = skb.len;\nif (i < 10) state.odd[i] = 1n;'],
    ['an early return', 'const i = skb.mark;\nif (i > 9 || i === 4) return 0;\nstate.odd[i] = 1n;'],
    ['an argument', 'store(skb.len & 15);'],
    ['a field of a result', 'const p = pair(skb.len);\nstate.cells[p.low] = state.cells[p.high];'],
    ['a while loop', 'let i = 0;\nwhile (i < 10) {\nstate.odd[i] = 1n;\ni += 3;\n}'],
    ['a bigint', 'state.cells[u32(skb.tstamp >> 60n)] = 1n;'],
  ])('are proven by %s', (_, statements) => {
    expect(codes(statements)).toEqual([]);
  });
  it.each([
    ['nothing', 'state.cells[skb.len] = 1n;'],
    ['a remainder, whose bounds the verifier does not follow', 'state.odd[skb.len % 10] = 1n;'],
    ['a quotient', 'state.bytes[u8(skb.len) / 2] = 1;'],
    ['a mask that is too wide', 'state.odd[skb.len & 15] = 1n;'],
    ['a comparison that is off by one', 'const i = skb.len;\nif (i <= 10) state.odd[i] = 1n;'],
    ['an argument of one call among several', 'store(3);\nstore(skb.len & 31);'],
    [
      'a variable that a loop moves on',
      'let i = 0;\nwhile (skb.len > i) {\nstate.cells[i] = 1n;\ni += 1;\n}',
    ],
    ['a sum that may wrap', 'state.cells[(skb.len + 1) >>> 27] = 1n;'],
    [
      'a comparison of another variable',
      'let i = skb.len;\nif (i < 10) {\ni = skb.mark;\nstate.odd[i] = 1n;\n}',
    ],
    ['an update of an atomic', 'state.cells[16] = 1n;'],
  ])('are refused with %s', (_, statements) => {
    expect(codes(statements)).toEqual(['N3001']);
  });
});

describe('packet offsets', () => {
  it('stay bounded through additions in counted loops', () => {
    expect(
      codes(
        'let offset = 14;\nfor (const i of range(4)) {\nconst h = skb.at(Header, offset);\nif (!h) break;\noffset += 4 + h.length;\n}\nconst end = skb.at(Wide, offset);',
      ),
    ).toEqual([]);
  });
  it('are refused where the last byte may lie beyond 65535', () => {
    expect(codes('const h = skb.at(Wide, skb.len & 0xffff);')).toEqual(['N3002']);
    expect(
      codes(
        'let offset = 14;\nwhile (offset < skb.len) {\nconst h = skb.at(Header, offset);\noffset += 4;\n}',
      ),
    ).toEqual(['N3002']);
  });
});

describe('packet references', () => {
  const find = 'const h = skb.at(Header, 0);\nif (!h) return 0;\n';
  it('may be used until a helper moves the packet', () => {
    expect(codes(`${find}const t = h.type;\npull(skb);\nskb.mark = t;`)).toEqual([]);
    expect(codes(`${find}if (skb.len > 9) {\npull(skb);\nreturn 1;\n}\nskb.mark = h.type;`)).toEqual([]);
  });
  it('are stale afterwards, through calls, on one path only, and in the next round of a loop', () => {
    expect(codes(`${find}pull(skb);\nskb.mark = h.type;`)).toEqual(['N3003']);
    expect(codes(`${find}if (skb.len > 9) pull(skb);\nskb.mark = h.type;`)).toEqual(['N3003']);
    expect(codes(`${find}for (let i = 0; i < skb.len; i++) {\nskb.mark = h.type;\npull(skb);\n}`)).toEqual([
      'N3003',
    ]);
    expect(codes(`${find}const r = { h };\npull(skb);\nskb.mark = r.h.type;`)).toEqual(['N3003']);
  });
  it('are current again when made anew', () => {
    expect(
      codes(`let h = skb.at(Header, 0);\npull(skb);\nh = skb.at(Header, 0);\nif (h) skb.mark = h.type;`),
    ).toEqual([]);
  });
  it('of other memory stay', () => {
    expect(codes('pull(skb);\nstate.cells[0] += 1n;')).toEqual([]);
  });
});
