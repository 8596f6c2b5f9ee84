import { describe, expect, it } from 'vitest';
import { eliminateDeadCode } from './dead-code.ts';
import { textAfter } from './testing.ts';

describe('dead code elimination', () => {
  it('removes what only feeds itself around a loop', () => {
    const text = textAfter(
      eliminateDeadCode,
      `b0:
  jump b1(0, 0)
b1(%1:32, %2:32):
  %3:32 = add.32 %1, 1
  %4:32 = add.32 %2, 5
  branch.32 ult %3, 10 -> b1(%3, %4), b2
b2:
  return %3`,
    );
    expect(text).toContain('b1(%1:32):');
    expect(text).not.toContain('%4');
  });

  it('keeps effects, and drops a clock that nobody reads with its unused slot', () => {
    const text = textAfter(
      eliminateDeadCode,
      `  slot $0 size 8 align 8
b0:
  %1:64 = stack $0
  %2:64 = helper 5 @bpf_ktime_get_ns()
  %3:64 = helper 39 @bpf_skb_pull_data(%0, 0) packet
  %4:64 = section .bss + 0
  %5:64 = atomic.add.64 global [%4], 1
  return 0`,
    );
    expect(text).not.toMatch(/slot|ktime/);
    expect(text).toContain('pull_data');
    expect(text).toContain('atomic.add.64');
  });
});
