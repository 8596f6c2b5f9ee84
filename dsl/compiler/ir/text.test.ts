import { describe, expect, it } from 'vitest';
import { parseFunction, parseProgram } from './parse.ts';
import { printFunction, printProgram } from './print.ts';
import { validate } from './validate.ts';

const EVERY_FORM = `func @every(%0:64) {
  slot $0 size 16 align 8
b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.2 packet [%1 + 12]
  %3:32 = add.32 %2, 7
  %4:64 = zext %3
  %5:32 = trunc %4
  %6:64 = sext.8.64 %5
  %7:32 = swap.16 %2
  %8:64 = swap.64 %4
  %9:64 = stack $0
  %10:64 = section .bss + 24
  %11:64 = map @counters
  store.1 stack [%9 - 8], %5
  store.8 stack [%9 + 8], 18446744073709551615
  %12:64 = atomic.add.64 global [%10], %8
  atomic.or.32 global [%10], 5
  %13:32 = atomic.compareExchange.32 global [%10], %5 expected %7
  %14:64 = helper 1 @bpf_map_lookup_elem(%11, %9) pure
  helper 39 @bpf_skb_pull_data(%0, 0) packet
  %15:64 = call @twice(%14, %6)
  branch.32 ult %2, 100 -> b1(%2, 4294967295), b2 unlikely
b1(%16:32, %17:32):
  return %16
b2:
  jump b1(%13, %3)
}
`;

describe('the text form of the IR', () => {
  it('prints back exactly what it parsed, in every form', () => {
    const fn = parseFunction(EVERY_FORM);
    validate(fn);
    expect(printFunction(fn)).toBe(EVERY_FORM);
    expect(parseFunction(printFunction(fn))).toEqual(fn);
  });

  it('keeps source spans where they are asked for', () => {
    const text = 'func @f() {\nb0:\n  return 0 !programs/a.ts:3:5-3:14\n}\n';
    const fn = parseFunction(text);
    expect(fn.blocks[0]!.terminator.span).toEqual({
      file: 'programs/a.ts',
      line: 3,
      column: 5,
      endLine: 3,
      endColumn: 14,
    });
    expect(printFunction(fn, { spans: true })).toBe(text);
  });

  it('takes a negative or hexadecimal constant at the width of its use', () => {
    const fn = parseFunction(`func @f() {
b0:
  %0:32 = add.32 -1, 0x10   ; a comment
  jump b1(-1)
b1(%1:32):
  return -1
}`);
    expect(printFunction(fn)).toContain('add.32 4294967295, 16');
    expect(printFunction(fn)).toContain('b1(4294967295)');
    expect(printFunction(fn)).toContain('return 18446744073709551615');
  });

  it('round-trips a program with its subprograms', () => {
    const text =
      'program @p\n\nfunc @main(%0:64) {\nb0:\n  return 0\n}\n\nfunc @sub() {\nb0:\n  return 1\n}\n';
    expect(printProgram(parseProgram(text))).toBe(text);
  });

  it('names the line of a syntax error', () => {
    expect(() => parseFunction('func @f() {\nb0:\n  %0:32 = frobnicate %1\n}')).toThrow(/line 3.*frobnicate/);
    expect(() => parseFunction('func @f() {\nb0:\n}')).toThrow(/terminator in b0/);
  });
});

describe('the validator', () => {
  const refused: readonly [string, string, RegExp][] = [
    [
      'a use before its definition',
      'b0:\n %0:32 = add.32 %1, 1\n %1:32 = add.32 1, 1\n return %0',
      /dominate/,
    ],
    [
      'a use on a path without the definition',
      'b0:\n %0:32 = add.32 1, 1\n branch.32 eq %0, 1 -> b1, b2\nb1:\n %1:32 = add.32 2, 2\n jump b2\nb2:\n return %1',
      /%1 doesn't dominate/,
    ],
    ['a value defined twice', 'b0:\n %0:32 = add.32 1, 1\n %0:32 = add.32 1, 1\n return %0', /defined twice/],
    [
      'operands of another width',
      'b0:\n %0:64 = add.64 1, 1\n %1:32 = add.32 %0, 1\n return %1',
      /64 bits wide/,
    ],
    ['a result of another width', 'b0:\n %0:64 = add.32 1, 1\n return %0', /32 bits wide/],
    ['a missing argument', 'b0:\n jump b1\nb1(%0:32):\n return %0', /takes 1 arguments, not 0/],
    [
      'an argument of another width',
      'b0:\n %0:64 = add.64 1, 1\n jump b1(%0)\nb1(%1:32):\n return %1',
      /%0 is 64/,
    ],
    ['an unknown block', 'b0:\n jump b7', /no block b7/],
    ['an unreachable block', 'b0:\n return 0\nb1:\n return 1', /unreachable/],
    ['an entry with predecessors', 'b0:\n jump b0', /entry block has predecessors/],
    ['an undefined value', 'b0:\n return %3', /isn't defined/],
    ['an unknown slot', 'b0:\n %0:64 = stack $2\n return 0', /no slot/],
  ];
  it.each(refused)('refuses %s', (_, body, message) => {
    expect(() => validate(parseFunction(`func @f() {\n${body}\n}`))).toThrow(message);
  });
});
