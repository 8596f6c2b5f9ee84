import { expect, it } from 'vitest';
import { hoistLoads } from './hoist-loads.ts';
import { textAfter } from './testing.ts';

const loop = (inside: string): string =>
  textAfter(
    hoistLoads,
    `b0:
  jump b1(0, 0)
b1(%1:32, %2:32):
  %3:32 = load.4 context [%0]
  %4:64 = load.4 context [%0 + 76] pointer
  %5:64 = load.4 context [%0 + 80] pointer
${inside}
  %6:64 = add.64 %4, 4
  branch.64 ule %6, %5 -> b2, b3(%2)
b2:
  %7:32 = load.4 packet [%4]
  %8:32 = add.32 %7, %3
  %9:32 = add.32 %1, 1
  branch.32 ult %9, 32 -> b1(%9, %8), b3(%8)
b3(%10:32):
  return %10`,
  );
const head = (text: string): string => text.slice(text.indexOf('b1('));

it('reads what stays the same in front of the loop', () => {
  expect(head(loop(''))).not.toContain('context');
});

it('reads fields of the context anew where the loop changes the context', () => {
  const text = head(loop('  store.4 context [%0 + 8], %2'));
  expect(text).toContain('load.4 context [%0]');
  expect(text).not.toContain('pointer');
});

it('reads everything anew where the loop calls', () => {
  const text = head(loop('  helper 5 @clock()'));
  expect(text.match(/= load.4 context/g)).toHaveLength(3);
});

it('leaves what not every round reads', () => {
  const text = textAfter(
    hoistLoads,
    `b0:
  jump b1(0)
b1(%1:32):
  branch.32 eq %1, 7 -> b2, b3(0)
b2:
  %2:32 = load.4 context [%0]
  jump b3(%2)
b3(%3:32):
  %4:32 = add.32 %1, 1
  branch.32 ult %4, 32 -> b1(%4), b4
b4:
  return %3`,
  );
  expect(text.indexOf('context')).toBeGreaterThan(text.indexOf('b2:'));
});
