import { expect, test } from 'vitest';
import type { MachineBlock } from './machine.ts';
import { branch, functionOf } from './machine-testing.ts';
import { mergeBlocks } from './merge.ts';

const span = (line: number) => ({ file: 'a.ts', line, column: 1, endLine: line, endColumn: 2 });
const verdict = (id: number, value: bigint, line: number): MachineBlock => ({
  id,
  instructions: [{ op: 'constant', to: 0, value, span: span(line) }],
  terminator: { op: 'exit', span: span(line) },
  frequency: 0.25,
});
test('returns of the same verdict become one, wherever they were written', () => {
  const merged = mergeBlocks(
    functionOf(
      branch(0, 1, 2, 5),
      verdict(1, -1n, 3),
      branch(2, 3, 4, 6),
      verdict(3, -1n, 9),
      verdict(4, 2n, 9),
    ),
  );
  expect(merged.blocks.map(({ id }) => id)).toEqual([0, 1, 2, 4]);
  expect(merged.blocks[2]!.terminator).toMatchObject({ then: 1, otherwise: 4 });
  expect(merged.blocks[1]!.frequency).toBe(0.5);
});

test('blocks are alike once what follows them is one', () => {
  const merged = mergeBlocks(
    functionOf(
      branch(0, 1, 2, 5),
      { ...verdict(1, 7n, 1), terminator: { op: 'jump', to: 3 } },
      { ...verdict(2, 7n, 2), terminator: { op: 'jump', to: 4 } },
      verdict(3, 0n, 3),
      verdict(4, 0n, 4),
    ),
  );
  expect(merged.blocks.map(({ id }) => id)).toEqual([0, 1, 3]);
});

test('blocks that differ in a constant stay apart', () => {
  const fn = functionOf(branch(0, 1, 2, 5), verdict(1, 0n, 1), verdict(2, 1n, 1));
  expect(mergeBlocks(fn).blocks).toEqual(fn.blocks);
});
