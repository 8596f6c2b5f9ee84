import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideByMultiplying, reciprocal } from './divide.ts';
import { textAfter } from './testing.ts';

describe('division by a constant', () => {
  it('finds multipliers that are exact for every dividend', () => {
    const edges = fc.oneof(fc.constantFrom(0n, 1n, 0xffff_ffffn, 0xffff_fffen), fc.bigInt(0n, 0xffff_ffffn));
    fc.assert(
      fc.property(fc.bigInt(3n, 0xffff_ffffn), edges, fc.nat({ max: 5 }), (divisor, dividend, near) => {
        const found = reciprocal(divisor, 32);
        if (found !== undefined) {
          const multiple = (dividend / divisor) * divisor;
          for (const x of [dividend, multiple, multiple + divisor - 1n, BigInt(near)]) {
            const within = x > 0xffff_ffffn ? dividend : x;
            expect((within * found.multiplier) >> BigInt(found.shift)).toBe(within / divisor);
            expect(within * found.multiplier).toBeLessThan(1n << 64n);
          }
        }
      }),
    );
  });

  it('multiplies and shifts', () => {
    const text = textAfter(
      divideByMultiplying,
      `b0:
  %1:32 = load.4 context [%0]
  %2:32 = umod.32 %1, 1000
  return %2`,
    );
    expect(text).not.toContain('umod');
    expect(text).toMatch(/mul\.64 %\d+, \d+\n {2}%\d+:64 = lshr\.64/);
  });

  it('leaves 64-bit dividends of unknown size', () => {
    const text = textAfter(
      divideByMultiplying,
      `b0:
  %1:64 = load.8 context [%0 + 152]
  %2:64 = udiv.64 %1, 10
  return %2`,
    );
    expect(text).toContain('udiv.64');
  });
});
