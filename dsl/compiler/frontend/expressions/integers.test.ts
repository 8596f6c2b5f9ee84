import { describe, expect, it } from 'vitest';
import { bodyOf, codesIn } from '../testing.ts';

const FIELDS =
  'const s = global(struct({ a8: u8, a16: u16, a32: u32, a64: u64, s8: i8, s16: i16, s32: i32, s64: i64 }));';
const declared = (expression: string): string => bodyOf(`const v = ${expression};`, FIELDS)[0] ?? '';
const refused = (statements: string): string[] => codesIn(statements, FIELDS);

describe('widths of arithmetic', () => {
  it('promotes narrow unsigned operands to u32', () => {
    expect(declared('s.a8 + s.a16')).toBe(
      'v: u32 = (u32(load.u8(.bss:s+0+0)) +u32 u32(load.u16(.bss:s+0+2)))',
    );
  });
  it('is i32 as soon as a narrow operand is signed', () => {
    expect(declared('s.a8 * s.s16')).toMatch(/^v: i32 = \(i32\(load\.u8.* \*i32 i32\(load\.i16/);
    expect(declared('s.a16 - s.s32')).toMatch(/^v: i32 = \(i32\(load\.u16.* -i32 load\.i32/);
  });
  it('stays at 64 bits for bigints', () => {
    expect(declared('s.a64 % 10n')).toMatch(/^v: u64 = \(load\.u64.* %u64 10:u64\)$/);
    expect(declared('s.s64 / 2n')).toMatch(/^v: i64 = .* \/i64 2:i64\)$/);
  });
  it('refuses u32 with a signed operand, and u64 with i64', () => {
    expect(refused('const v = s.a32 + s.s8;')).toEqual(['N2003']);
    expect(refused('const v = s.a64 + s.s64;')).toEqual(['N2003']);
    expect(refused('if (s.a32 < s.s32) return 1;')).toEqual(['N2003']);
  });
  it('gives a literal the type of the other operand and checks its range', () => {
    expect(declared('s.s32 + 5')).toMatch(/\+i32 5:i32/);
    expect(refused('const v = s.a32 + -1;')).toEqual(['N2004']);
    expect(refused('const v = s.a64 + 0x1_0000_0000_0000_0000n;')).toEqual(['N2004']);
  });
  it('shifts at the left operand’s type whatever the count’s', () => {
    expect(declared('s.s32 >> s.a8')).toMatch(/^v: i32 = \(load\.i32.* >>i32 i32\(load\.u8/);
    expect(declared('s.a32 << s.s32')).toMatch(/<<u32 u32\(load\.i32/);
    expect(declared('s.a64 >> 3n')).toMatch(/>>u64 3:u64/);
  });
  it('makes >>> logical on signed operands', () => {
    expect(declared('s.s32 >>> 4')).toMatch(/^v: u32 = \(u32\(load\.i32.* >>u32 4:u32\)$/);
  });
  it('refuses shift counts beyond the width', () => {
    expect(refused('const v = s.a64 >> 64n;')).toEqual(['N2008']);
    expect(refused('const v = s.a8 << 31;')).toEqual([]);
  });
});

describe('literals', () => {
  it('are 32 or 64 bits wide, signed when negative, where nothing asks more', () => {
    expect(declared('7')).toBe('v: u32 = 7:u32');
    expect(declared('-7')).toBe('v: i32 = -7:i32');
    expect(declared('7n')).toBe('v: u64 = 7:u64');
    expect(declared('-7n')).toBe('v: i64 = -7:i64');
  });
  it('fold, division included', () => {
    expect(declared('(7 / 2) * 10 + (1 << 4)')).toBe('v: u32 = 46:u32');
    expect(declared('5 % 0')).toBe('v: u32 = 5:u32');
    expect(declared('5 / 0')).toBe('v: u32 = 0:u32');
  });
  it('keep the high bits of ~ at the width of what they meet', () => {
    expect(declared('s.a32 & ~7')).toMatch(/&u32 4294967288:u32/);
    expect(declared('s.s32 & ~7')).toMatch(/&i32 -8:i32/);
    expect(declared('s.a64 & ~7n')).toMatch(/18446744073709551608:u64/);
  });
  it('convert explicitly by wrapping', () => {
    expect(declared('u8(300)')).toBe('v: u8 = 44:u8');
    expect(declared('u64(-1)')).toBe('v: u64 = 18446744073709551615:u64');
    expect(declared('u32(true)')).toBe('v: u32 = 1:u32');
  });
});

describe('comparisons and logic', () => {
  it('compare at the common type', () => {
    expect(declared('s.a8 === 255')).toBe('v: bool = (u32(load.u8(.bss:s+0+0)) === 255:u32)');
    expect(declared('s.s8 < 0')).toMatch(/\(i32\(load\.i8.*\) < 0:i32\)/);
  });
  it('compare booleans for equality', () => {
    expect(declared('(s.a8 > 1) === (s.a16 > 1)')).toMatch(/^v: bool = \(\(.*\) === \(.*\)\)$/);
  });
  it('convert booleans to integers', () => {
    expect(declared('u32(s.a8 > 1)')).toMatch(/^v: u32 = u32\(\(u32/);
  });
  it('refuse integers as conditions, with the test to write', () => {
    expect(refused('if (s.a8 && s.a16 > 1) return 1;')).toEqual(['N2005']);
    expect(refused('while (s.a64) s.a64 -= 1n;')).toEqual(['N2005']);
    expect(refused('const v = !s.a32;')).toEqual(['N2005']);
  });
});

describe('widths of values', () => {
  it('widens where a wider type is declared', () => {
    expect(bodyOf('const v: i32 = s.a16;', FIELDS)).toEqual(['v: i32 = i32(load.u16(.bss:s+0+2))']);
  });
  it('refuses to narrow or to change the sign', () => {
    expect(refused('s.a8 = s.a8 + 1;')).toEqual(['N2001']);
    expect(refused('s.s32 = s.a32 + 0;')).toEqual(['N2002']);
    expect(refused('const v: u16 = u32(7) & 3;')).toEqual(['N2001']);
  });
  it('takes the signed type for two literals of which one is negative', () => {
    expect(declared('s.a64 > 1n ? -1 : 0')).toMatch(/^v: i32 = .* \? -1:i32 : 0:i32\)$/);
    expect(declared('s.a64 > 1n ? 1n : s.a8 > 1 ? -1n : 0n')).toMatch(
      /^v: i64 = .* \? 1:i64 : \(.* \? -1:i64 : 0:i64\)\)$/,
    );
    expect(bodyOf('return s.a8 > 1 ? -1 : 2;', FIELDS)[0]).toMatch(/\? -1:i32 : 2:i32/);
  });
  it('takes the signed type for returned literals of which one is negative, or beside a signed value', () => {
    const sign = 'const sign = (x: u32) => {\nif (x > 9) return -1;\nreturn 0;\n};\n';
    expect(bodyOf('const v = sign(s.a32);', FIELDS + sign)).toEqual(['v: i32 = sign(load.u32(.bss:s+0+4))']);
    const clip = 'const clip = (x: i32) => {\nif (x < 0) return 0;\nreturn x;\n};\n';
    expect(bodyOf('const v = clip(s.s32);', FIELDS + clip)[0]).toMatch(/^v: i32 = /);
    const same = 'const same = (x: u8) => {\nif (x < 3) return 300;\nreturn x;\n};\n';
    expect(bodyOf('const v = same(s.a8);', FIELDS + same)[0]).toMatch(/^v: u32 = /);
  });
  it('takes the wider type of two branches', () => {
    expect(declared('s.a64 > 1n ? s.a8 : s.a16')).toMatch(/^v: u16 = .* \? u16\(load\.u8.*\) : load\.u16/);
    expect(bodyOf('const v: u8 = s.a64 > 1n ? 1 : 2;', FIELDS)[0]).toMatch(/\? 1:u8 : 2:u8/);
  });
});
