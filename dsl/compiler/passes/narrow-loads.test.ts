import { describe, expect, it } from 'vitest';
import { narrowLoads } from './narrow-loads.ts';
import { textAfter } from './testing.ts';

const rewritten = (uses: string, region = 'packet'): string =>
  textAfter(
    narrowLoads,
    `b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.4 ${region} [%1 + 34]
  ${uses}`,
  );

const compared = (mask: string, constant: string): string =>
  rewritten(`%3:32 = and.32 %2, ${mask}
  branch.32 eq %3, ${constant} -> b1, b2
b1:
  return 1
b2:
  return 2`);

describe('load narrowing', () => {
  it('loads the bytes that a mask keeps', () => {
    expect(rewritten('%3:32 = and.32 %2, 255\n  return %3')).toContain('load.1 packet [%1 + 34]\n  return');
  });

  it('loads the bytes that a shift keeps', () => {
    expect(rewritten('%3:32 = lshr.32 %2, 16\n  return %3')).toContain('load.2 packet [%1 + 36]\n  return');
  });

  it('compares the bytes that a mask keeps with a constant', () => {
    const text = compared('4294901760', '3137404928');
    expect(text).toMatch(/%(\d+):32 = load.2 packet \[%1 \+ 36\]\n {2}branch.32 eq %\1, 47873/);
  });

  it.each([
    ['part of a byte', () => compared('4294901756', '65532')],
    ['three bytes', () => compared('16777215', '1')],
    ['a constant that never occurs', () => compared('65280', '65536')],
    ['a use elsewhere', () => rewritten('%3:32 = and.32 %2, 255\n  %4:32 = add.32 %3, %2\n  return %4')],
    ['a shift that leaves three bytes', () => rewritten('%3:32 = lshr.32 %2, 8\n  return %3')],
    ['the context', () => rewritten('%3:32 = and.32 %2, 255\n  return %3', 'context')],
  ])('leaves %s alone', (_, text) => {
    expect(text()).toMatch(/load.4 \w+ \[%1 \+ 34\]/);
  });
});
