import { describe, expect, it } from 'vitest';
import { eliminateDeadCode } from './dead-code.ts';
import { dropUndemandedBits } from './demanded-bits.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string =>
  textAfter((fn) => eliminateDeadCode(dropUndemandedBits(fn)), body);

describe('demanded bits', () => {
  it('drops a mask whose other bits nobody reads, through arithmetic that carries upwards only', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = and.32 %1, 65535
  %3:32 = lshr.32 %1, 16
  %4:32 = add.32 %2, %3
  %5:32 = xor.32 %4, 4294967295
  %6:32 = swap.16 %5
  store.2 context [%0 + 8], %6
  return 0`);
    expect(text).not.toContain('and.32');
    expect(text).toContain('add.32 %1, %3');
  });

  it.each([
    ['an address', '%3:64 = zext %2\n  %4:64 = add.64 %0, %3\n  %5:32 = load.4 context [%4]\n  return %5'],
    ['an argument', '%3:64 = zext %2\n  helper 6 @keep(%3)\n  return 0'],
    ['a right shift', '%3:32 = lshr.32 %2, 8\n  store.1 context [%0], %3\n  return 0'],
    ['a comparison', 'branch.32 ult %2, 9 -> b1, b1\nb1:\n  return 0'],
  ])('keeps a mask that %s reads', (_, uses) => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = and.32 %1, 255
  ${uses}`);
    expect(text).toContain('and.32 %1, 255');
  });

  it('computes in 32 bits what is cut to 32 bits', () => {
    const text = rewritten(`b0:
  %1:64 = load.8 context [%0]
  %2:64 = lshr.64 %1, 32
  %3:64 = xor.64 %1, %2
  %4:32 = trunc %3
  store.4 context [%0 + 8], %4
  return 0`);
    expect(text).toContain('%4:32 = xor.32');
    expect(text).not.toContain('xor.64');
  });

  it('makes a whole chain of 64-bit arithmetic 32-bit in one run', () => {
    const text = rewritten(`b0:
  %1:64 = load.8 context [%0]
  %2:64 = load.8 context [%0 + 8]
  %3:64 = add.64 %1, %2
  %4:64 = mul.64 %3, 3
  %5:64 = xor.64 %4, %1
  %6:32 = trunc %5
  store.4 context [%0 + 8], %6
  return 0`);
    const made = text.split('\n').flatMap((line) => /= (\w+\.32)/.exec(line)?.[1] ?? []);
    // The 64-bit ones, which nothing reads any more, are dead code.
    expect(made).toEqual(['add.32', 'mul.32', 'xor.32']);
  });

  it('leaves in 64 bits what is also read whole', () => {
    const text = rewritten(`b0:
  %1:64 = load.8 context [%0]
  %2:64 = add.64 %1, 5
  %3:32 = trunc %2
  store.4 context [%0 + 8], %3
  return %2`);
    expect(text).toContain('%2:64 = add.64 %1, 5');
    expect(text).toContain('trunc %2');
  });

  it('leaves the distance of two addresses in 64 bits', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:64 = load.4 context [%0 + 80] pointer
  %3:64 = sub.64 %2, %1
  %4:32 = trunc %3
  return %4`);
    expect(text).toContain('sub.64 %2, %1');
  });

  it('follows values around a loop', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  jump b1(%1)
b1(%2:32):
  %3:32 = and.32 %2, 255
  %4:32 = add.32 %3, 1
  %5:32 = load.4 context [%0 + 4]
  branch.32 eq %5, 0 -> b1(%4), b2
b2:
  store.1 context [%0], %2
  return 0`);
    expect(text).not.toContain('and.32');
  });
});
