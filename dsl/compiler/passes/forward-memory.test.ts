import { describe, expect, it } from 'vitest';
import { forwardMemory } from './forward-memory.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string => textAfter(forwardMemory, `  slot $0 size 16 align 8\n${body}`);

describe('memory forwarding', () => {
  it('gives a load what was stored, and a narrow one only what surely fits', () => {
    const text = rewritten(`b0:
  %1:64 = stack $0
  %2:32 = load.4 context [%0]
  store.4 stack [%1], %2
  %3:32 = load.4 stack [%1]
  store.2 stack [%1 + 4], %2
  %4:32 = load.2 stack [%1 + 4]
  store.1 stack [%1 + 8], 511
  %5:32 = load.1 stack [%1 + 8]
  helper 6 @use(%3, %4, %5)
  return 0`);
    expect(text).toContain('@use(%2, %4, 255)');
  });

  it('forgets what an overlapping store, an atomic or a helper may have changed', () => {
    for (const change of [
      'store.1 global [%1 + 3], 0',
      'atomic.add.64 global [%1 + 8], 1',
      'helper 2 @bpf_map_update_elem(%0, %0, %0, 0)',
    ]) {
      const text = rewritten(`b0:
  %1:64 = section .bss + 0
  %2:64 = load.8 global [%1]
  ${change}
  %3:64 = load.8 global [%1]
  %4:64 = sub.64 %3, %2
  return %4`);
      expect(text.match(/load\.8 global/g)).toHaveLength(2);
    }
  });

  it('follows the packet into a block with one predecessor, and shared memory not', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:64 = section .bss + 0
  %4:32 = load.4 global [%3]
  branch.32 eq %2, %4 -> b1, b2
b1:
  %5:32 = load.1 packet [%1]
  %6:32 = load.4 global [%3]
  %7:32 = add.32 %5, %6
  return %7
b2:
  return 0`);
    expect(text).toContain('%7:32 = add.32 %2, %6');
  });

  it('drops a store of what is there already, on the stack and in the packet alone', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:64 = section .bss + 0
  %4:32 = load.4 global [%3]
  store.1 packet [%1], %2
  store.4 global [%3], %4
  return 0`);
    expect(text).not.toContain('store.1 packet');
    expect(text).toContain('store.4 global');
  });
});
