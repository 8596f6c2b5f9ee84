import { describe, expect, it } from 'vitest';
import { numberValues } from './number-values.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string => textAfter(numberValues, body);
const DATA = /load\.4 context \[%0 \+ 76\] pointer/g;

describe('value numbering', () => {
  it('shares what a dominating block computed, whichever way round', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = load.4 context [%0 + 8]
  %3:32 = add.32 %1, %2
  branch.32 eq %3, 0 -> b1, b2
b1:
  %4:32 = add.32 %2, %1
  return %4
b2:
  return 0`);
    expect(text).toContain('b1:\n  return %3');
  });

  it("doesn't share between two sides of a branch", () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  branch.32 eq %1, 0 -> b1, b2
b1:
  %2:32 = add.32 %1, 5
  return %2
b2:
  %3:32 = add.32 %1, 5
  return %3`);
    expect(text.match(/add\.32/g)).toHaveLength(2);
  });

  it('loads data once until the next call, behind which it would come from the stack', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:64 = load.4 context [%0 + 76] pointer
  %4:32 = load.1 packet [%3 + 1]
  helper 5 @clock()
  %5:64 = load.4 context [%0 + 76] pointer
  %6:32 = load.1 packet [%5 + 2]
  %7:32 = add.32 %2, %4
  %8:32 = add.32 %7, %6
  return %8`);
    expect(text.match(DATA)).toHaveLength(2);
  });

  it('loads data anew behind a helper that moves the packet, on whichever way it is called', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  branch.32 eq %2, 0 -> b1, b2
b1:
  helper 39 @bpf_skb_pull_data(%0, 0) packet
  jump b2
b2:
  %3:64 = load.4 context [%0 + 76] pointer
  %4:32 = load.1 packet [%3]
  return %4`);
    expect(text.match(DATA)).toHaveLength(2);
  });

  it('loads a context field anew after a store to the context', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0 + 8]
  store.4 context [%0 + 8], 7
  %2:32 = load.4 context [%0 + 8]
  %3:32 = add.32 %1, %2
  return %3`);
    expect(text.match(/load\.4/g)).toHaveLength(2);
  });

  it('shares settings across everything', () => {
    const text = rewritten(`b0:
  %1:64 = section .rodata + 0
  %2:64 = load.8 settings [%1 + 8]
  helper 39 @bpf_skb_pull_data(%0, 0) packet
  %3:64 = section .rodata + 0
  %4:64 = load.8 settings [%3 + 8]
  %5:64 = add.64 %2, %4
  return %5`);
    expect(text.match(/load\.8/g)).toHaveLength(1);
  });
});
