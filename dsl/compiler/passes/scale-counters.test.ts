import { describe, expect, it } from 'vitest';
import { scaleCounters } from './scale-counters.ts';
import { textAfter } from './testing.ts';

const loop = ({
  start = '3',
  multiple = 'shl.32 %1, 2',
  more = '%3:32 = shl.32 %1, 2',
  step = 'add.32 %1, 1',
  test = 'ult %4, 32',
} = {}): string =>
  textAfter(
    scaleCounters,
    `b0:
  %9:32 = load.4 context [%0 + 8]
  jump b1(${start})
b1(%1:32):
  %2:32 = ${multiple}
  store.4 context [%0 + 8], %2
  ${more}
  store.4 context [%0 + 32], %3
  %4:32 = ${step}
  branch.32 ${test} -> b1(%4), b2
b2:
  return 1`,
  );

describe('scaling of counters', () => {
  it('counts in steps of the multiple that the body needs', () => {
    const text = loop();
    expect(text).toContain('jump b1(12)');
    expect(text).toContain('store.4 context [%0 + 8], %1\n  store.4 context [%0 + 32], %1');
    expect(text).toMatch(/%4:32 = add.32 %1, 4\n {2}branch.32 ult %4, 128 -> b1\(%4\), b2/);
  });

  it('takes a product as it takes a shift', () => {
    expect(loop({ multiple: 'mul.32 %1, 12', more: '%3:32 = mul.32 %1, 12' })).toContain('ult %4, 384');
  });

  it.each([
    ['the body needs itself', { more: '%3:32 = add.32 %1, 2' }],
    ['the body needs two multiples of', { more: '%3:32 = shl.32 %1, 3' }],
    ['starts anywhere', { start: '%9' }],
    ['has a bound whose multiple wraps', { test: 'ult %4, 1073741824' }],
    ['is compared as a signed number', { test: 'slt %4, 32' }],
    ['ends where something else does', { test: 'ult %9, 32' }],
    ['grows by anything', { step: 'add.32 %1, %9' }],
  ])('leaves alone a counter that %s', (_, change) => {
    expect(loop(change)).toMatch(/(shl|mul).32 %1/);
  });
});
