import { describe, expect, it } from 'vitest';
import { eliminateDeadStores } from './dead-stores.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string =>
  textAfter(eliminateDeadStores, `  slot $0 size 8 align 8\n${body}`);

describe('dead stores', () => {
  it('drops zeroes that are overwritten before a helper reads them', () => {
    const text = rewritten(`b0:
  %1:64 = stack $0
  store.8 stack [%1], 0
  store.4 stack [%1], 1
  store.4 stack [%1 + 4], 2
  helper 9 @bpf_skb_store_bytes(%0, 0, %1, 8, 0) packet
  return 0`);
    expect(text).not.toContain('store.8');
    expect(text.match(/store\.4/g)).toHaveLength(2);
  });

  it('keeps a store that is overwritten only in part, or after a read', () => {
    const text = rewritten(`b0:
  %1:64 = stack $0
  store.8 stack [%1], 0
  store.4 stack [%1], 1
  %2:32 = load.4 stack [%1]
  store.4 stack [%1], 2
  helper 9 @bpf_skb_store_bytes(%0, 0, %1, 8, 0) packet
  return %2`);
    expect(text.match(/store\./g)).toHaveLength(3);
  });

  it('drops all stores to a slot that nothing reads', () => {
    expect(
      rewritten(`b0:
  %1:64 = stack $0
  store.8 stack [%1], 3
  return 0`),
    ).not.toContain('store');
  });
});
