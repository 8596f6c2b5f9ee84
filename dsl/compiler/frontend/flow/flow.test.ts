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

describe('jumps', () => {
  it('bring what is known where they leave to what they leave', () => {
    const found = (jump: string): string[] =>
      codes(
        `let at = 0;\nrows: for (let y = 0; y < 4; y++) {\nfor (const x of range(4)) {\nif (x === skb.len) {\nat = ${jump};\nbreak rows;\n}\n}\n}\nstate.cells[at] = 1n;`,
      );
    expect(found('y * 4 + x')).toEqual([]);
    expect(found('y * 4 + x + 1')).toEqual(['N3001']);
  });
  it('go on with a round of the loop that they name', () => {
    const rounds = (by: number): string[] =>
      codes(
        `let at = 0;\nrows: for (let y = 0; y < 4; y++) {\nfor (const x of range(4)) if (x === skb.len) continue rows;\nat += ${by};\n}\nstate.cells[at] = 1n;`,
      );
    expect(rounds(3)).toEqual([]);
    expect(rounds(4)).toEqual(['N3001']);
  });
  it('leave a switch with what its case has come to', () => {
    const behind = (code: string): string[] =>
      codes(
        `const header = skb.at(Header, 0);\nif (header === undefined) return 0;\nswitch (skb.len) {\ncase 1:\n${code}\nskbPullData(skb, 64);\nreturn 1;\ndefault:\nskb.mark = 1;\n}\nskb.mark = header.type;`,
      );
    expect(behind('if (skb.mark === 1) break;')).toEqual([]);
    expect(behind('if (skb.mark === 1) {\nskbPullData(skb, 64);\nbreak;\n}')).toEqual(['N3003']);
  });
});

describe('references to the stack in long loops', () => {
  const twoPlaces = 'const a = stack(Header);\nconst b = stack(Header);\n';
  it.each([
    [
      'assigned to a variable from around it',
      'let c = a;\nfor (const i of range(4096)) {\nif (i === skb.mark) c = b;\n}',
    ],
    ['in a record that it changes', 'const c = { at: a, sum: 0 };\nfor (const i of range(4096)) c.sum += i;'],
    [
      'in a loop within it',
      'for (const i of range(4096)) {\nlet c = a;\nfor (const j of range(2000)) if (j === i) c = b;\n}',
    ],
    [
      'returned out of it',
      'const find = (at: u32): Ref<typeof Header> => {\nfor (const i of range(4096)) if (i === at) return b;\nreturn a;\n};\nskb.mark = find(3).length;',
    ],
  ])('are refused, %s', (_, statements) => {
    expect(codes(twoPlaces + statements)).toEqual(['N4006']);
  });
  it.each([
    ['read and written through', 'for (const i of range(4096)) a.length = b.length;'],
    [
      'chosen anew in each round',
      'for (const i of range(4096)) {\nlet c = a;\nif (i === skb.mark) c = b;\nc.length = 1;\n}',
    ],
    [
      'assigned in a loop that the verifier walks',
      'let c = a;\nfor (const i of range(8)) {\nif (i === skb.mark) c = b;\n}',
    ],
  ])('are taken, %s', (_, statements) => {
    expect(codes(twoPlaces + statements)).toEqual([]);
  });
});

describe('atomic operations', () => {
  const places = `
const Inner = struct({ count: u64 });
const Odd = packed({ kind: u8, inner: Inner, cells: array(u32, 2) });
const Even = packed({ first: u64, second: u64, third: u32 });
const odd = global(Odd);
const even = global(Even);
const many = arrayMap({ value: packed({ cells: array(Odd, 4), even: array(u64, 4) }), maxEntries: 4 });`;
  const refusals = (statements: string): string[] => codesIn(statements, places);
  it.each([
    ['in a packed global', "const inner = odd.inner;\natomic.add(inner, 'count', 1n);"],
    [
      'of one of two references',
      "const at = skb.mark > 1 ? odd.inner : odd.inner;\natomic.add(at, 'count', 1n);",
    ],
    ['of an element', 'atomic.add(odd.cells, skb.mark & 1, 1);'],
    [
      "in a map's value",
      "const value = many.lookup(0);\nif (value) atomic.add(value.cells[1].inner, 'count', 1n);",
    ],
  ])('at odd places are refused: %s', (_, statements) => {
    expect(refusals(statements)).toEqual(['N3018']);
  });
  it.each([
    ['of a packed global', "atomic.add(even, 'second', 1n);\natomic.add(even, 'third', 1);"],
    ["on the stack, which is nobody else's", "const own = stack(Odd);\natomic.add(own.inner, 'count', 1n);"],
  ])('at whole places are taken: %s', (_, statements) => {
    expect(refusals(statements)).toEqual([]);
  });
});

it('packet memory is no record to put out, and one record not both key and value', () => {
  const maps = `const Pair = struct({ a: u64 });
const events = ringBuffer({ value: Pair, bytes: 4096 });
const pairs = hashMap({ key: Pair, value: Pair, maxEntries: 8 });`;
  const packet = 'const pair = skb.at(Pair, 0);\nif (!pair) return 1;\n';
  expect(codesIn(`${packet}events.output(pair);`, maps)).toEqual(['N3013']);
  expect(codesIn(`${packet}pairs.update(pair, pair);`, maps)).toEqual([]);
  const records = 'const e = events.reserve();\nif (!e) return 1;\n';
  expect(codesIn(`${records}pairs.update(e, e);\nevents.submit(e);`, maps)).toEqual(['N3020']);
  expect(codesIn(`${records}pairs.update(e, { a: e.a });\nevents.submit(e);`, maps)).toEqual([]);
});

describe('records of ring buffers in long loops', () => {
  const events = 'const events = ringBuffer({ value: struct({ a: u64 }), bytes: 4096 });';
  const refusals = (statements: string): string[] => codesIn(statements, events);
  const reserved = 'const e = events.reserve();\nif (e === undefined) return 1;\n';
  it.each([
    [
      'submitted in a round',
      `${reserved}for (const i of range(4096)) {\nif (i === skb.mark) {\nevents.submit(e);\nreturn 1;\n}\n}\nevents.discard(e);`,
    ],
    [
      'submitted by a function in a round',
      `${reserved}const give = (): void => events.submit(e);\nfor (const i of range(4096)) {\nif (i === skb.mark) {\ngive();\nreturn 1;\n}\n}\nevents.discard(e);`,
    ],
  ])('are refused, %s', (_, statements) => {
    expect(refusals(statements)).toEqual(['N3019']);
  });
  it.each([
    [
      'behind the loop',
      `let kept = events.reserve();\nif (kept) {\nevents.discard(kept);\n}\nfor (const i of range(4096)) {\nconst e = events.reserve();\nif (e) {\nif (i > 3) break;\nevents.submit(e);\n}\n}`,
    ],
    [
      'before it returns',
      'for (const i of range(4096)) {\nconst e = events.reserve();\nif (e) {\nif (i > 3) return 1;\nevents.submit(e);\n}\n}',
    ],
  ])('may not be left over by a round, %s', (_, statements) => {
    expect(new Set(refusals(statements))).toEqual(new Set(['N3014']));
  });
  it('are taken where each round settles its own', () => {
    expect(
      refusals(
        `${reserved}for (const i of range(4096)) {\ne.a += u64(i);\nconst f = events.reserve();\nif (f === undefined) continue;\nif (i > 7) {\nevents.discard(f);\nbreak;\n}\nevents.submit(f);\n}\nevents.submit(e);`,
      ),
    ).toEqual([]);
  });
});
