import { describe, expect, it } from 'vitest';
import { joinOperations } from './join-operations.ts';
import { textAfter } from './testing.ts';

const met = ({
  first = 'add.32 %1, 1',
  second = 'add.32 %1, %4',
  test = 'eq %2, 1',
  more = '',
} = {}): string =>
  textAfter(
    joinOperations,
    `b0:
  %1:32 = load.4 context [%0]
  %2:32 = load.1 context [%0 + 4]
  branch.32 ${test} -> b1, b2
b1:
  %3:32 = ${first}
  jump b3(%3)
b2:
  %4:32 = load.1 context [%0 + 5]
  %5:32 = ${second}
  ${more}
  jump b3(%5)
b3(%6:32):
  return %6`,
  );

describe('operations of ways that meet', () => {
  it('are done behind the meeting, with the value that equals a constant on its way', () => {
    const text = met();
    expect(text).toContain('eq %2, 1 -> b3(%2), b2');
    expect(text).toMatch(/jump b3\(%4\)/);
    expect(text).toMatch(/b3\(%(\d+):32\):\n {2}%6:32 = add.32 %1, %\1\n {2}return %6/);
    expect(text.match(/add/g)).toHaveLength(1);
  });

  it.each([
    ['operators differ', { second: 'sub.32 %1, %4' }],
    ['left sides differ', { second: 'add.32 %2, %4' }],
    ['nothing is known to equal the constant', { test: 'ne %2, 1' }],
    ['the constant is another', { first: 'add.32 %1, 2' }],
    ['nothing is saved', { first: 'add.32 %1, %2' }],
    ['a result has another use', { more: 'store.4 context [%0 + 8], %5' }],
  ])('stay where they are where %s', (_, change) => {
    expect(met(change)).toContain('jump b3(%3)');
  });
});
