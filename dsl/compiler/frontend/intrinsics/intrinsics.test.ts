import { describe, expect, it } from 'vitest';
import { HELPERS } from '../../../machine/helpers.ts';
import { bodyOf, codesIn, parseText } from '../testing.ts';
import { INTRINSICS } from './table.ts';

const DECLARATIONS = `
const Key = struct({ source: be32, port: be16 });
const Value = struct({ bytes: u64, packets: u32 });
const flows = hashMap({ key: Key, value: Value, maxEntries: 8 });
const slots = arrayMap({ value: Value, maxEntries: 4 });
const state = global(struct({ clock: u64, bits: u32, cells: array(u64, 8), network: be32 }));`;
const body = (statements: string): string[] => bodyOf(statements, DECLARATIONS);

describe('maps', () => {
  it('look up by index or by a record laid out as the key', () => {
    expect(
      body('const a = slots.lookup(skb.protocol);\nconst b = flows.lookup({ port: 53, source: skb.mark });'),
    ).toEqual([
      'a: map Value? = slots.lookup(u32(context.protocol))',
      'b: map Value? = flows.lookup({ source: context.mark, port: 53:u16 })',
    ]);
  });
  it('update with flags and delete', () => {
    expect(
      body(
        'const key = { source: 1, port: 2 };\nconst value = stack(Value);\nflows.update({ source: 1, port: 2 }, value);\nflows.update({ source: 1, port: 2 }, { bytes: 1n, packets: 1 }, BPF_NOEXIST);\nconst e = flows.delete({ source: 1, port: 2 });',
      ).slice(2),
    ).toEqual([
      'flows.update({ source: 1:u32, port: 2:u16 }, value, 0:u64)',
      'flows.update({ source: 1:u32, port: 2:u16 }, { bytes: 1:u64, packets: 1:u32 }, 1:u64)',
      'e: i64 = flows.delete({ source: 1:u32, port: 2:u16 })',
    ]);
  });
});

describe('atomics', () => {
  it('name a field or an element, and give the old value in their fetch forms', () => {
    expect(
      body(
        "atomic.add(state, 'clock', 5n);\natomic.or(state.cells, 3, 1n);\nconst old = atomic.fetchXor(state, 'bits', 1);\nconst seen = atomic.compareExchange(state, 'clock', 1n, 2n);",
      ),
    ).toEqual([
      'atomic.add(.bss:state+0+0, 5:u64)',
      'atomic.or(.bss:state+0+16[3:u32], 1:u64)',
      'old: u32 = atomic.xor.fetch(.bss:state+0+8, 1:u32)',
      'seen: u64 = atomic.compareExchange.fetch(.bss:state+0+0, 1:u64, 2:u64)',
    ]);
  });
  it('refuse network order', () => {
    expect(codesIn("atomic.add(state, 'network', 1);", DECLARATIONS)).toEqual(['N3008']);
  });
});

describe('clocks, randomness, extrema and hints', () => {
  it('have nodes of their own', () => {
    expect(
      body(
        'const a = max(clock.now(), clock.coarse());\nconst t = clock.ticks();\nconst b = min(random.u32(), 9);\nconst c = smax(-1, i32(b));\nif (unlikely(b > 3)) return 1;',
      ),
    ).toEqual([
      'a: u64 = max.u64(clock.now, clock.coarse)',
      't: u64 = clock.ticks',
      'b: u32 = min.u32(random, 9:u32)',
      'c: i32 = max.i32(-1:i32, i32(b))',
      'if unlikely((b > 3:u32)) {',
      '  return 1:i32',
      '}',
    ]);
  });
});

describe('helpers', () => {
  it('take the context, scalars and references without their sizes', () => {
    expect(
      body(
        'const to = stack(Key);\nif (skbLoadBytes(skb, 14, to) !== 0n) return 0;\nskbStoreBytes(skb, 14, to, 1n);\nskbSetTstamp(skb, 5n, 1);',
      ),
    ).toEqual([
      'to: stack Key = stack0',
      'if (skbLoadBytes(context, 14:u32, to) !== 0:i64) {',
      '  return 0:i32',
      '}',
      'skbStoreBytes(context, 14:u32, to, 1:u64)',
      'skbSetTstamp(context, 5:u64, 1:u32)',
    ]);
  });
  it('are all callable', () => {
    expect(HELPERS.filter((row) => !INTRINSICS.has(row.name))).toEqual([]);
  });
});

describe('a record that is to lie in memory', () => {
  const messagesOf = (statements: string): string[] =>
    parseText(`
const Name = struct({ bytes: array(u8, 2) });
const Key = struct({ name: Name, port: be16 });
const Large = struct({ bytes: array(u8, 520), n: u32 });
const names = hashMap({ key: Key, value: struct({ n: u64 }), maxEntries: 4 });
const large = hashMap({ key: u32, value: Large, maxEntries: 4 });
const state = global(struct({ name: Name, other: struct({ bytes: array(u8, 3) }), large: Large }));
export const example = classifier((skb) => {
  ${statements}
  return 0;
});`).diagnostics.map(({ message }) => message);

  it('takes what lies where its references refer to', () => {
    const [deleted] = bodyOf(
      'names.delete({ port: 1, name: state.name });',
      `const Name = struct({ bytes: array(u8, 2) });
const names = hashMap({ key: struct({ name: Name, port: be16 }), value: struct({ n: u64 }), maxEntries: 4 });
const state = global(struct({ name: Name }));`,
    );
    expect(deleted).toBe(
      'names.delete({ name: { bytes: { 0: load.u8(.bss:state+0+0+0+0), 1: load.u8(.bss:state+0+0+0+1) } }, port: 1:u16 })',
    );
  });
  it('takes no other layout than its own', () => {
    expect(messagesOf('names.delete({ name: state.other, port: 1 });')).toEqual([
      expect.stringMatching(/^the field 'name': expected Name, found global /),
    ]);
  });
  it('takes no more than a stack holds', () => {
    expect(messagesOf('large.update(1, { bytes: state.large.bytes, n: 1 });')).toEqual([
      expect.stringContaining("the field 'bytes': the program cannot be emitted: a copy of 520 bytes"),
    ]);
  });
});

it('a record that does not fit says by which field', () => {
  const { diagnostics } = parseText(`
const Key = struct({ a: u32, inner: struct({ low: u8, pad: array(u8, 3) }) });
const counts = hashMap({ key: Key, value: struct({ n: u64 }), maxEntries: 4 });
export const example = classifier(() => {
  const key = { a: 1, inner: { low: u8(1), pad: [0, 0, 0] } };
  return counts.lookup(key) === undefined ? 0 : 1;
});`);
  expect(diagnostics.map(({ message }) => message)).toEqual(["the field 'inner.pad.0': u32 does not fit u8"]);
});
