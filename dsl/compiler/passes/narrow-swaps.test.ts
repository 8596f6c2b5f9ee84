import { describe, expect, it } from 'vitest';
import { eliminateDeadCode } from './dead-code.ts';
import { narrowSwaps } from './narrow-swaps.ts';
import { textAfter } from './testing.ts';

const rewritten = (bits: number, uses: string, region = 'packet'): string =>
  textAfter(
    (fn) => eliminateDeadCode(narrowSwaps(fn)),
    `b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.${bits / 8} ${region} [%1 + 14]
  %3:32 = swap.${bits} %2
  ${uses}`,
  );

/** What is left to compare with a constant. */
const compared = (bits: number, ...made: readonly string[]): string =>
  rewritten(
    bits,
    `${made.join('\n  ')}
  branch.32 eq %4, 5 -> b1, b2
b1:
  return 1
b2:
  return 2`,
  );

describe('narrowing of byte swaps', () => {
  it('loads the first byte alone where a shift keeps no more', () => {
    const text = rewritten(16, '%4:32 = lshr.32 %3, 13\n  return %4');
    expect(text).toMatch(/%(\d+):32 = load.1 packet \[%1 \+ 14\]\n {2}%4:32 = lshr.32 %\1, 5\n {2}return %4/);
  });

  it('swaps only the bytes that a mask keeps', () => {
    const text = compared(32, '%4:32 = and.32 %3, 65535');
    expect(text).toMatch(
      /%(\d+):32 = load.2 packet \[%1 \+ 16\]\n {2}%(\d+):32 = swap.16 %\1\n {2}branch.32 eq %\2, 5/,
    );
  });

  it('keeps a mask of some of the bits of the last byte', () => {
    const text = rewritten(16, '%4:32 = and.32 %3, 63\n  return %4');
    expect(text).toMatch(/%(\d+):32 = load.1 packet \[%1 \+ 15\]\n {2}%4:32 = and.32 %\1, 63/);
  });

  it('turns bits around in front of the swap, which masks them by itself', () => {
    const text = compared(16, '%9:32 = xor.32 %3, 4294967295', '%4:32 = and.32 %9, 65535');
    expect(text).toMatch(/%(\d+):32 = xor.32 %2, 65535\n {2}%4:32 = swap.16 %\1\n {2}branch/);
  });

  it.each([
    [
      'a value that an address is computed from',
      () =>
        rewritten(
          32,
          `%4:32 = and.32 %3, 65535
  %5:32 = add.32 %4, 14
  %6:64 = zext %5
  %7:64 = add.64 %1, %6
  %8:32 = load.1 packet [%7]
  return %8`,
        ),
    ],
    [
      'a value that bounds another in an address',
      () =>
        rewritten(
          32,
          `%4:32 = and.32 %3, 65535
  %5:32 = load.4 context [%0]
  branch.32 ult %5, %4 -> b1, b2
b1:
  %6:64 = zext %5
  %7:64 = add.64 %1, %6
  %8:32 = load.1 packet [%7]
  return %8
b2:
  return 0`,
        ),
    ],
    [
      'a value that is read whole elsewhere',
      () => rewritten(16, '%4:32 = lshr.32 %3, 13\n  %5:32 = add.32 %4, %3\n  return %5'),
    ],
    ['a shift that leaves more than two bytes', () => rewritten(32, '%4:32 = lshr.32 %3, 8\n  return %4')],
    ['the context', () => rewritten(16, '%4:32 = lshr.32 %3, 13\n  return %4', 'context')],
  ])('leaves %s alone', (_, text) => {
    expect(text()).toContain('%3:32 = swap.');
  });
});
