import { describe, expect, it } from 'vitest';
import { parseFunction } from '../ir/parse.ts';
import { rangesOf } from './ranges.ts';
import { removeRedundantBranches } from './redundant-branches.ts';
import { simplifyCfg } from './simplify-cfg.ts';
import { textAfter } from './testing.ts';

const rangeOf = (body: string, value: number): readonly [bigint, bigint] | undefined => {
  const range = rangesOf(parseFunction(`func @p(%0:64) {\n${body}\n}`), [value])[value];
  return range && [range.low, range.high];
};

describe('interval analysis', () => {
  it('bounds a counter by the test at the loop’s end, however many rounds', () => {
    const body = `b0:
  jump b1(0)
b1(%1:32):
  %2:32 = shl.32 %1, 2
  %3:32 = add.32 %1, 1
  branch.32 ult %3, 1000 -> b1(%3), b2
b2:
  return %2`;
    expect([1, 2, 3].map((value) => rangeOf(body, value))).toEqual([
      [0n, 999n],
      [0n, 3996n],
      [1n, 1000n],
    ]);
  });

  it('joins what the ways bring, each with what holds on it', () => {
    const body = `b0:
  %1:32 = load.2 context [%0]
  branch.32 ult %1, 100 -> b1(%1), b2
b2:
  branch.32 ule %1, 200 -> b3, b1(7)
b3:
  %2:32 = add.32 %1, 50
  jump b1(%2)
b1(%3:32):
  return %3`;
    expect(rangeOf(body, 2)).toEqual([150n, 250n]);
    expect(rangeOf(body, 3)).toEqual([0n, 250n]);
  });

  it.each([
    ['a sum that may wrap', 'add.32 %1, 4294967295', [0n, 0xffff_ffffn]],
    ['a difference that may wrap', 'sub.32 %1, 10', [0n, 0xffff_ffffn]],
    ['a shift that may lose the top bit, but that zeros came in', 'shl.32 %1, 25', [0n, 0xfe00_0000n]],
    ['a quotient, whose bounds the verifier forgets', 'udiv.32 %1, 3', [0n, 0xffff_ffffn]],
  ])('knows nothing of %s', (_, made, range) => {
    expect(rangeOf(`b0:\n  %1:32 = load.1 context [%0]\n  %2:32 = ${made}\n  return %2`, 2)).toEqual(range);
  });

  it('decides a check that sums of bounded lengths can’t fail', () => {
    const text = textAfter(
      (fn) => simplifyCfg(removeRedundantBranches(fn)),
      `b0:
  %1:32 = load.1 context [%0]
  branch.32 eq %1, 1 -> b2(55), b1
b1:
  %2:32 = add.32 %1, 54
  jump b2(%2)
b2(%3:32):
  %4:32 = load.1 context [%0 + 4]
  %5:32 = add.32 %3, %4
  branch.32 ule %5, 65533 -> b3, b4
b3:
  return %5
b4:
  return 0`,
    );
    expect(text).not.toContain('65533');
  });
});
