import { describe, expect, it } from 'vitest';
import { removeImpliedTests } from './implied-tests.ts';
import { textAfter } from './testing.ts';

const chain = (first: string, last: string, ways = ['b3', 'b3']): string =>
  textAfter(
    removeImpliedTests,
    `b0:
  %1:32 = load.1 context [%0]
  %2:32 = load.1 context [%0 + 1]
  branch.32 ${first} -> ${ways[0]}, b1
b1:
  branch.32 ${last} -> b2, ${ways[1]}
b2:
  branch.32 ugt %1, 100 -> b3, b4
b3:
  return 2
b4:
  return 3`,
  );
const testsIn = (text: string): number => text.split('branch').length - 1;

describe('implied test elimination', () => {
  it('drops a test whose outcome the next one tells by itself', () => {
    const text = chain('eq %1, 0', 'eq %1, 2');
    expect(testsIn(text)).toBe(2);
    expect(text).toContain('branch.32 eq %1, 2');
  });

  it('drops a whole chain of them', () => {
    const text = textAfter(
      removeImpliedTests,
      `b0:
  %1:32 = load.1 context [%0]
  branch.32 eq %1, 0 -> b4, b1
b1:
  branch.32 eq %1, 1 -> b4, b2
b2:
  branch.32 ugt %1, 7 -> b3, b4
b3:
  return 1
b4:
  return 2`,
    );
    expect(testsIn(text)).toBe(1);
  });

  it.each([
    ['a value that the next test lets through', () => chain('eq %1, 2', 'eq %1, 2')],
    ['a test of another value', () => chain('eq %2, 0', 'eq %1, 2')],
    ['ways that part', () => chain('eq %1, 0', 'eq %1, 2', ['b4', 'b3'])],
  ])('keeps a test in front of %s', (_, text) => {
    expect(testsIn(text())).toBe(3);
  });

  it('keeps a test whose ways bring different values to one place', () => {
    const text = textAfter(
      removeImpliedTests,
      `b0:
  %1:32 = load.1 context [%0]
  branch.32 eq %1, 0 -> b3(5), b1
b1:
  branch.32 eq %1, 2 -> b2, b3(6)
b2:
  return 1
b3(%2:32):
  return %2`,
    );
    expect(testsIn(text)).toBe(2);
  });
});
