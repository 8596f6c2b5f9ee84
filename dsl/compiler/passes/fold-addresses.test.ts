import { describe, expect, it } from 'vitest';
import { foldAddresses } from './fold-addresses.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string => textAfter(foldAddresses, body);

describe('address folding', () => {
  it('moves the constant part of an index into the offset', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = and.32 %1, 511
  %3:32 = add.32 %2, 512
  %4:64 = zext %3
  %5:64 = shl.64 %4, 3
  %6:64 = section .bss + 0
  %7:64 = add.64 %6, %5
  %8:64 = load.8 global [%7 + 32]
  return %8`);
    expect(text).toMatch(
      /%(\d+):64 = zext %2\n {2}%(\d+):64 = shl\.64 %\1, 3\n {2}%(\d+):64 = add\.64 %6, %\2\n.*\[%\3 \+ 4128\]/,
    );
  });

  it('leaves an index alone whose 32-bit sum may wrap', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  %2:32 = add.32 %1, 512
  %3:64 = zext %2
  %4:64 = section .bss + 0
  %5:64 = add.64 %4, %3
  %6:32 = load.1 global [%5]
  return %6`);
    expect(text).toContain('load.1 global [%5]');
  });

  it('moves only constants off a packet pointer', () => {
    const text = rewritten(`b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:32 = add.32 %2, 4
  %4:64 = zext %3
  %5:64 = add.64 %1, %4
  %6:32 = load.1 packet [%5]
  %7:64 = add.64 %5, 9
  %8:32 = load.1 packet [%7 + 1]
  return %8`);
    expect(text).toContain('%6:32 = load.1 packet [%5]\n');
    expect(text).toContain('%8:32 = load.1 packet [%5 + 10]');
  });

  it('adds the constant to a packet pointer last, where the index has no other use', () => {
    const body = (use: string) => `b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:32 = load.1 packet [%1]
  %3:32 = add.32 %2, 14
  %4:64 = zext %3
  %5:64 = add.64 %1, %4
  store.4 context [%0 + 8], ${use}
  return %5`;
    expect(rewritten(body('%2'))).toMatch(/%(\d+):64 = add.64 %1, %(\d+)\n {2}%5:64 = add.64 %\1, 14/);
    expect(rewritten(body('%3'))).toContain('%5:64 = add.64 %1, %4');
  });

  it('never touches the context', () => {
    const text = rewritten(`b0:
  %1:64 = add.64 %0, 8
  %2:32 = load.4 context [%1]
  return %2`);
    expect(text).toContain('context [%1]');
  });
});
