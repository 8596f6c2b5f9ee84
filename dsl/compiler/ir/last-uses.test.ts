import { describe, expect, it } from 'vitest';
import { blockOf, blocksById } from './analysis.ts';
import { LastUses } from './last-uses.ts';
import { parseFunction } from './parse.ts';

const LOOP = parseFunction(`func @loop(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  %2:32 = and.32 %1, 7
  jump b1(0)
b1(%3:32):
  %4:32 = add.32 %3, %2
  %5:32 = mul.32 %4, %4
  branch.32 ult %5, %1 -> b1(%4), b2
b2:
  %6:32 = xor.32 %5, %3
  return %6
}`);

/** The last uses in a block: of each instruction the values that have no use behind it. */
function lastUsesIn(id: number): readonly (readonly number[])[] {
  const uses = new LastUses(LOOP);
  const block = blockOf(blocksById(LOOP), id);
  return block.instructions.map((instruction) =>
    [0, 1, 2, 3, 4, 5].filter((value) => uses.isLast(value, instruction, block)),
  );
}

describe('last uses', () => {
  it('keep what a later instruction, the end of the block or another block uses', () => {
    const [load, and] = lastUsesIn(0);
    expect(load).toContain(0);
    expect(load).not.toContain(1);
    expect(and).not.toContain(1);
  });

  it('keep around a loop what it uses again, and not what it sets anew', () => {
    const [add, multiply] = lastUsesIn(1);
    expect(add).not.toContain(2);
    expect(add).not.toContain(3);
    expect(multiply).not.toContain(4);
    expect(multiply).not.toContain(2);
  });

  it('end in the last block that uses a value', () => {
    expect(lastUsesIn(2)).toEqual([[0, 1, 2, 3, 4, 5]]);
  });
});
