import { describe, expect, it } from 'vitest';
import { bodyOf, codesIn } from '../testing.ts';

describe('... in an object literal', () => {
  it('stands for the fields of a record, those that are named behind it aside', () => {
    expect(
      bodyOf('const key = { low: skb.mark, high: skb.len };\nconst other = { ...key, low: 7 };').at(-1),
    ).toBe('other: { high: u32, low: u32 } = { high: key.high, low: 7:u32 }');
  });
  it('leaves literals without a width', () => {
    const declarations =
      'const base = { low: 1, high: 2 };\nconst use = (range: { low: u8; high: u64 }): u64 => range.high;';
    expect(codesIn('skb.tstamp = use({ ...base, high: 3n });', declarations)).toEqual([]);
  });
  it('stands for the fields of a struct in memory, spin locks aside', () => {
    const values =
      'const values = hashMap({ key: u32, value: struct({ lock: spinLock, count: u32, last: u64 }), maxEntries: 1 });';
    expect(
      bodyOf(
        'const value = values.lookup(0);\nif (value === undefined) return 1;\nvalues.update(0, { ...value, count: 1 });',
        values,
      ).at(-1),
    ).toMatch(/^values\.update\(0:u32, \{ count: 1:u32, last: load\.u64\(present\(value\)\+8\) \}/);
  });
  it('takes what can be computed again, and has fields', () => {
    const make = 'const make = (low: u32): { low: u32 } => ({ low: low + random.u32() });';
    expect(codesIn('const other = { ...make(1), high: 2 };', make)).toEqual(['N2012']);
    expect(codesIn('const other = { ...skb, high: 2 };')).toEqual(['N2006']);
  });
});
