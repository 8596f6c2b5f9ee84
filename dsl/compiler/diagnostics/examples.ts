/** For each refusal the smallest module that triggers it: tests run them and the error reference shows them. */
import type { DiagnosticCode } from './table.ts';

/** A classifier with this body. */
const program = (body: string): string =>
  `export const example = classifier((skb) => {\n  ${body}\n  return 0;\n});`;

const STATE =
  'const state = global(struct({ count: u64, byte: u8, network: be32, cells: array(u64, 8) }));\n';
const EVENTS = 'const events = ringBuffer({ value: struct({ a: u64 }), bytes: 4096 });\n';
const LOCKED = 'const values = arrayMap({ value: struct({ lock: spinLock, time: u64 }), maxEntries: 1 });\n';
const HEADER = 'const Header = struct({ type: be16, length: u8, inner: struct({ a: u32 }) });\n';

/** Sources as they stand below an import of everything that dsl/lang exports. */
export const EXAMPLES: Readonly<Record<DiagnosticCode, string>> = {
  N1001: program('for (const key in { a: 1 }) skb.mark = 1;'),
  N1002: 'class Counter {}',
  N1003: 'export async function later() {}',
  N1004: 'export function read(x: any): u32 { return 1; }',
  N1005: program("const name = 'eth0';"),
  N1006: program('if (skb.len == 0) return 1;'),
  N1007: program('if (skb.len === 0) throw 1;'),
  N1008: program('const { mark, ...others } = skb;'),
  N1009: program('const kind = typeof skb.len;'),
  N1010: program('const length = skb.len as u8;'),
  N1011: program('const half = 0.5;'),
  N1012: program('const nothing = null;'),
  N1013: program('const most = Math.max(1, 2);'),
  N1014: program('function twice(x: u32): u32 {\n    return x * 2;\n  }\n  skb.mark = twice(1);'),
  N1015: `function down(x: u32): u32 {\n  return x === 0 ? 0 : down(x - 1);\n}\n${program('skb.mark = down(3);')}`,
  N1016: 'let seen = 0;',
  N1017: program('var length = skb.len;'),
  N1018: program('let a = 1;\n  const b = (a = 2);'),
  N1019: `${HEADER}${program('let layout = Header;')}`,
  N1020: `declare function foreign(x: u32): u32;\n${program('skb.mark = foreign(1);')}`,
  N1021: 'if (true) {}',
  N1022: program('const { mark = 1 } = skb;'),
  N2001: program('const low: u8 = skb.len & 255;'),
  N2002: program('const signed: i32 = i32(skb.len);\n  skb.mark = signed + 1;'),
  N2003: program('const a: i32 = -1;\n  const b = a + skb.len;'),
  N2004: program('const byte: u8 = 256;'),
  N2005: program('if (skb.len) return 1;'),
  N2006: program('const a = skb.len > 9 ? { x: 1 } : 2;'),
  N2007: `${STATE}${program('if (state.cells === state.cells) return 1;')}`,
  N2008: program('skb.mark = skb.len << 32;'),
  N2009: `${HEADER}${program('let place = stack(Header);\n  const there = skb.at(Header, 0);\n  if (there) place = there;')}`,
  N2010: 'export function find(skb: Skb): u32 | undefined { return skb.len; }',
  N2011: `const SIZE = 8;\nconst limit = settings(struct({ most: u32 }));\nconst wide = struct({ cells: array(u32, limit.most) });`,
  N2012: `interface Pair { readonly a: u64 }\nfunction make(): { a: u64 } { return { a: 1n }; }\nfunction narrow(): { a: u8; b: u8 } { return { a: 1, b: 2 }; }\n${program('const wide: { readonly a: u32; readonly b: u32 } = narrow();')}`,
  N2013: 'const none = hashMap({ key: u32, value: struct({ a: u64 }), maxEntries: 0 });',
  N2014: program('const ports = [80, 443] as const;\n  skb.mark = ports[skb.len & 1];'),
  N3001: `${STATE}${program('state.cells[skb.len] = 1n;')}`,
  N3002: `${HEADER}${program('const header = skb.at(Header, skb.len);')}`,
  N3003: `${HEADER}${program('const header = skb.at(Header, 0);\n  skbPullData(skb, 64);\n  if (header) skb.mark = header.type;')}`,
  N3004: `const Cell = struct({ a: u64 });\nconst config = settings(Cell);\n${program("atomic.add(config, 'a', 1n);")}`,
  N3005: `${HEADER}const state = global(Header);\n${program('state.inner = stack(struct({ a: u32 }));')}`,
  N3006: 'const Wrong = struct({ get a() { return u8; } });',
  N3007: `${HEADER}${program('const state = global(Header);')}`,
  N3008: `${STATE}${program("atomic.add(state, 'byte', 1);")}`,
  N3009: `import { count } from './other.ts';\nconst state = global(struct({ a: u64 }));\n${program('state.a = count();')}`,
  N3010: 'const Empty = struct({});\nconst nothing = arrayMap({ value: Empty, maxEntries: 4 });',
  N3011: `const Cell = struct({ a: u64 });\n${program("const cell = skb.at(Cell, 0);\n  if (cell) atomic.add(cell, 'a', 1n);")}`,
  N3012: `${HEADER}export const example = cgroupSkbEgress((skb) => {\n  const header = skb.at(Header, 0);\n  if (header) header.inner.a = 1;\n  return CGROUP_PASS;\n});`,
  N3013: `${HEADER}${program('const header = skb.at(Header, 0);\n  if (header) skbLoadBytes(skb, 0, header);')}`,
  N3014: `${EVENTS}${program('const event = events.reserve();\n  if (event !== undefined) event.a = 1n;')}`,
  N3015: `${EVENTS}${program('const event = events.reserve();\n  if (event === undefined) return 1;\n  events.submit(event);\n  event.a = 1n;')}`,
  N3016: `${LOCKED}${program('const value = values.lookup(0);\n  if (value === undefined) return 1;\n  locked(value.lock, () => {\n    value.time = clock.now();\n  });')}`,
  N3017: 'const Value = struct({ lock: spinLock, time: u64 });\nconst state = global(Value);',
  N3018: `const state = global(packed({ kind: u8, count: u64 }));\n${program("atomic.add(state, 'count', 1n);")}`,
  N3019: `${EVENTS}${program('const event = events.reserve();\n  if (event === undefined) return 1;\n  for (const i of range(4096)) {\n    if (i !== skb.mark) continue;\n    events.submit(event);\n    return 0;\n  }\n  events.discard(event);')}`,
  N3020: `const Pair = struct({ a: u64 });\nconst events = ringBuffer({ value: Pair, bytes: 4096 });\nconst pairs = hashMap({ key: Pair, value: Pair, maxEntries: 8 });\n${program('const event = events.reserve();\n  if (event === undefined) return 1;\n  pairs.update(event, event);\n  events.discard(event);')}`,
  N3021: `const Body = struct({ bytes: array(u8, 64) });\n${program('const body = skb.at(Body, 14);\n  if (body === undefined) return 1;\n  for (const i of range(4096)) skb.mark += body.bytes[i & 63];')}`,
  N3022: 'const state = global(struct({ cells: array(u64, 0x10000000) }));',
  N4001: program(
    'switch (skb.mark) {\n    case 1:\n      skb.mark = 2;\n    default:\n      skb.mark = 3;\n  }',
  ),
  N4002: program('while (true) skb.mark = 1;'),
  N4004: program('for (const i of [1, 2, 3]) skb.mark = i;'),
  N4005: program('for (const i of range(skb.mark)) skb.priority += i;'),
  N4006: `${HEADER}${program('const first = stack(Header);\n  const second = stack(Header);\n  let place = first;\n  for (const i of range(4096)) {\n    if (i === skb.mark) place = second;\n  }\n  skb.mark = place.length;')}`,
  N4007: program(
    'outer: for (let i = 0; i < 4; i++) {\n    for (const j of range(skb.len & 4095)) {\n      if (j === skb.mark) break outer;\n    }\n  }',
  ),
  N5001: 'const example = classifier(() => 0);',
  N5002: `const f = noinline((a: u64, b: u64, c: u64, d: u64, e: u64, g: u64): u64 => a + b + c + d + e + g);\n${program('skb.tstamp = f(1n, 2n, 3n, 4n, 5n, 6n);')}`,
  N5003: `const f = noinline((a: { x: u64 }): u64 => a.x);\n${program('skb.tstamp = f({ x: 1n });')}`,
  N5004:
    'const a = (): i32 => 0;\nconst b = (): i32 => 1;\nexport const example = classifier(2 > 1 ? a : b);',
  N5005: `const Large = struct({ words: array(u64, 80) });\n${program('const large = stack(Large);\n  large.words[skb.mark & 63] = 1n;\n  skb.tstamp = large.words[skb.len & 63];')}`,
  N5006:
    'export const limitTheEgress = classifier(() => 0);\nexport const limitTheEgressOfPods = classifier(() => 0);',
  N5007: 'export const example = cgroupSkbIngress((skb) => skb.len);',
  N5009:
    'const next = programArray({ maxEntries: 4 });\nconst jump = noinline((skb: Skb): u32 => {\n  next.tailCall(skb, 1);\n  return 0;\n});\nexport const example = classifier((skb) => i32(jump(skb)));',
  N5010: 'const größe = global(struct({ bytes: u64 }));',
  N5011: `${LOCKED}export const example = socketFilter(() => (values.lookup(0) === undefined ? 0 : 1));`,
  N5008: 'export const example = socketFilter((skb) => u32(redirect(skb.ifindex, 0n)));',
};

/** What the example of a code imports as `./other.ts`. */
export const OTHER_FILES: Readonly<Partial<Record<DiagnosticCode, string>>> = {
  N3009: 'const state = global(struct({ a: u64 }));\nexport const count = (): u64 => state.a;',
};
