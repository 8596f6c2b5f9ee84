import { describe, expect, it } from 'vitest';
import { sinkComputations } from './sink.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string => textAfter(sinkComputations, body);

describe('sinking', () => {
  it('moves a chain to the one side that needs it', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = lshr.32 %1, 4
  %3:64 = zext %2
  branch.32 eq %1, 0 -> b1, b2
b1:
  return %3
b2:
  return 0`);
    expect(text).toContain('b1:\n  %2:32 = lshr.32 %1, 4\n  %3:64 = zext %2\n  return %3');
  });

  it('moves nothing into a loop, nor a load that a store may change', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = lshr.32 %1, 4
  %3:64 = section .bss + 0
  %4:32 = load.4 global [%3]
  jump b1(0)
b1(%5:32):
  %6:32 = add.32 %5, %2
  %7:32 = add.32 %6, %4
  branch.32 ult %7, 1000 -> b1(%7), b2
b2:
  return 0`);
    expect(text.indexOf('lshr')).toBeLessThan(text.indexOf('b1('));
    expect(text.indexOf('load.4 global')).toBeLessThan(text.indexOf('b1('));
  });
});
