import { describe, expect, it } from 'vitest';
import { mergeCopies } from './merge-copies.ts';
import { textAfter } from './testing.ts';

const pair = ({ second = '[%3]', before = '', on = 'b4' } = {}): string =>
  textAfter(
    mergeCopies,
    `b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:64 = add.64 %1, 4
  %3:64 = add.64 %1, 8
  %4:32 = load.4 context [%0]
  branch.32 eq %4, 1 -> b1, b2
b1:
  %5:32 = load.1 packet [%2]
  store.4 context [%0 + 8], %5
  jump b4
b2:
  branch.32 eq %4, 2 -> b3, b4
b3:
  %6:32 = load.1 packet ${second}
  store.4 context [%0 + 8], %6
  ${before}
  jump ${on}
b4:
  branch.32 eq %4, 3 -> b5, b6(0)
b5:
  return 2
b6(%7:32):
  return %7`,
  );
const loadsIn = (text: string): number => text.split('load.1').length - 1;

describe('merging of copies', () => {
  it('leaves one block that takes what the copies do it to', () => {
    const text = pair();
    expect(text).toMatch(/branch.32 eq %4, 1 -> b1\(%2\), b2/);
    expect(text).toMatch(/branch.32 eq %4, 2 -> b1\(%3\), b4/);
    expect(text).toMatch(/b1\(%(\d+):64\):\n {2}%5:32 = load.1 packet \[%\1\]/);
    expect(loadsIn(text)).toBe(1);
  });

  it('merges what leads to merged blocks, too', () => {
    const copy = (id: number, base: string): string => `b${id}:
  %${id}0:64 = add.64 ${base}, 1
  branch.64 ule %${id}0, %1 -> b${id + 1}, b9
b${id + 1}:
  %${id}1:32 = load.1 packet [${base}]
  store.4 context [%0 + 8], %${id}1
  jump b9`;
    const text = textAfter(
      mergeCopies,
      `b0:
  %1:64 = load.4 context [%0 + 80] pointer
  %2:64 = load.4 context [%0 + 76] pointer
  %3:64 = add.64 %2, 8
  branch.64 eq %0, 1 -> b1, b3
${copy(1, '%2')}
${copy(3, '%3')}
b9:
  return 1`,
    );
    expect(text).toMatch(/branch.64 eq %0, 1 -> b1\(%2\), b1\(%3\)/);
    expect(loadsIn(text)).toBe(1);
  });

  it.each([
    ['read from another offset', { second: '[%3 + 1]' }],
    ['do more', { before: 'store.4 context [%0 + 32], 1' }],
    ['go on to another place', { on: 'b5' }],
    ['have a value that is used elsewhere', { on: 'b7\nb7:\n  return %6' }],
  ])('keeps blocks apart that %s', (_, change) => {
    expect(loadsIn(pair(change))).toBe(2);
  });
});
