import { describe, expect, it } from 'vitest';
import { textAfter } from './testing.ts';
import { threadJumps } from './thread-jumps.ts';

const rewritten = (body: string): string => textAfter(threadJumps, body);

describe('jump threading', () => {
  it('tests a merged flag no second time, and merges the other values instead', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  branch.32 ult %1, 10 -> b1, b2
b1:
  %2:64 = helper 5 @clock()
  jump b3(1, %2)
b2:
  %3:64 = helper 7 @random()
  jump b3(0, %3)
b3(%4:32, %5:64):
  branch.32 ne %4, 0 -> b4, b5
b4:
  helper 6 @use(%5)
  return 1
b5:
  return %5`);
    expect(text.match(/branch/g)).toHaveLength(1);
    expect(text).toContain('helper 6 @use(%2)');
    expect(text).toContain('return %3');
  });

  it('takes an address that is surely there past the test for 0', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:64 = load.4 context [%0 + 80] pointer
  %3:64 = add.64 %1, 14
  branch.64 ule %3, %2 -> b1, b2(0)
b1:
  jump b2(%1)
b2(%4:64):
  branch.64 ne %4, 0 -> b3, b4
b3:
  %5:32 = load.1 packet [%4]
  return %5
b4:
  return 0`);
    expect(text.match(/branch/g)).toHaveLength(1);
    expect(text).toContain('load.1 packet [%1]');
  });

  it('makes a test that the first round passes the test at the loop’s end', () => {
    expect(
      rewritten(`b0:
  jump b1(0)
b1(%1:32):
  branch.32 ult %1, 100 -> b2, b3
b2:
  %2:32 = add.32 %1, 1
  helper 5 @clock()
  jump b1(%2)
b3:
  return 0`),
    ).toBe(`func @f(%0:64) {
b0:
  jump b2(0)
b2(%3:32):
  %2:32 = add.32 %3, 1
  helper 5 @clock()
  branch.32 ult %2, 100 -> b2(%2), b3
b3:
  return 0
}
`);
  });

  it('peels no round off a loop whose head computes', () => {
    const text = rewritten(`b0:
  jump b1(0)
b1(%1:32):
  %2:32 = add.32 %1, 1
  branch.32 ult %2, 100 -> b2, b3
b2:
  helper 5 @clock()
  jump b1(%2)
b3:
  return 0`);
    expect(text.match(/helper/g)).toHaveLength(1);
    expect(text.match(/add/g)).toHaveLength(1);
  });
});
