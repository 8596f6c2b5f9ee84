import { describe, expect, it } from 'vitest';
import { removeRedundantMasks } from './redundant-masks.ts';
import { textAfter } from './testing.ts';

/** A sum of two bytes and 54, at most 564, and a mask of it. */
const masked = (mask: string): string =>
  textAfter(
    removeRedundantMasks,
    `b0:
  %1:32 = load.1 context [%0]
  %2:32 = load.1 context [%0 + 1]
  %3:32 = add.32 %1, 54
  %4:32 = add.32 %3, %2
  %5:32 = and.32 %4, ${mask}
  return %5`,
  );

describe('redundant mask elimination', () => {
  it('drops a mask beyond which no sum of bounded values reaches', () => {
    expect(masked('1023')).not.toContain('and');
  });

  it.each([
    ['cuts off values', '511'],
    ['has a hole in it', '1021'],
  ])('keeps a mask that %s', (_, mask) => {
    expect(masked(mask)).toContain(`and.32 %4, ${mask}`);
  });
});
