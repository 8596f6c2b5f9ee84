import { describe, expect, it } from 'vitest';
import { combineLoads } from './combine-loads.ts';
import { eliminateDeadCode } from './dead-code.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string => textAfter((fn) => eliminateDeadCode(combineLoads(fn)), body);

/** Two loads at `offsets` of 4 bytes each, the first one's value above the second one's. */
const pair = (offsets: readonly [number, number], between = ''): string =>
  rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.4 packet [%1 + ${offsets[0]}]
  ${between}
  %3:32 = load.4 packet [%1 + ${offsets[1]}]
  %4:64 = zext %2
  %5:64 = shl.64 %4, 32
  %6:64 = zext %3
  %7:64 = or.64 %5, %6
  return %7`);

describe('load combining', () => {
  it('makes one load of two that follow each other', () => {
    const text = pair([30, 26]);
    expect(text.match(/load/g)).toHaveLength(2);
    expect(text).toContain('%7:64 = load.8 packet [%1 + 26]');
  });

  it('swaps what lies in network order', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.4 packet [%1 + 26]
  %3:32 = swap.32 %2
  %4:32 = load.4 packet [%1 + 30]
  %5:32 = swap.32 %4
  %6:64 = zext %3
  %7:64 = shl.64 %6, 32
  %8:64 = zext %5
  %9:64 = or.64 %7, %8
  return %9`);
    expect(text).toMatch(/%(\d+):64 = load.8 packet \[%1 \+ 26\]\n {2}%9:64 = swap.64 %\1/);
    expect(text).not.toContain('or.64');
  });

  it('widens what fills a part of the value', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:32 = load.1 packet [%1 + 1]
  %4:32 = shl.32 %3, 8
  %5:32 = or.32 %4, %2
  return %5`);
    expect(text).toContain('%5:32 = load.2 packet [%1]');
  });

  it.each([
    ['apart', () => pair([30, 24])],
    ['with a write between them', () => pair([30, 26], 'store.1 packet [%1 + 27], 1')],
  ])('leaves alone loads that lie %s', (_, text) => {
    expect(text()).toContain('or.64');
  });

  it('leaves alone a load whose value is used elsewhere', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:32 = load.1 packet [%1 + 1]
  %4:32 = shl.32 %3, 8
  %5:32 = or.32 %4, %2
  store.4 context [%0 + 8], %2
  return %5`);
    expect(text).toContain('or.32');
  });
});
