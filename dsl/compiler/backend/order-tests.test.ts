import { describe, expect, test } from 'vitest';
import type { MachineBlock, MachineInstruction } from './machine.ts';
import { blockOf, branch, functionOf } from './machine-testing.ts';
import { orderTests } from './order-tests.ts';

const set = (to: number): MachineInstruction => ({ op: 'constant', to, value: 1n });
/** The constants that the blocks of a function test, in their order. */
const tested = (...blocks: MachineBlock[]): readonly number[] =>
  orderTests(functionOf(...blocks)).blocks.flatMap(({ terminator }) =>
    terminator.op === 'branch' && 'imm' in terminator.right ? [terminator.right.imm] : [],
  );
const end = [blockOf(2, [set(0)]), blockOf(3, [set(0)])] as const;

describe('the order of two tests that lead to the same place', () => {
  test('has the one named first run into it', () => {
    expect(tested(branch(0, 2, 1, 7), branch(1, 2, 3, 8), ...end)).toEqual([8, 7]);
  });

  test('changes though something stands between them that the place has no use for', () => {
    const second = { ...branch(1, 2, 3, 8), instructions: [set(4)] };
    expect(tested(branch(0, 2, 1, 7), second, ...end)).toEqual([8, 7]);
  });

  const store: MachineInstruction = {
    op: 'store',
    bytes: 4,
    to: { register: 10, offset: -4 },
    source: { imm: 1 },
  };
  const reading: MachineInstruction = { op: 'move', to: 0, from: 4 };
  const hinted = (block: MachineBlock): MachineBlock =>
    block.terminator.op === 'branch'
      ? { ...block, terminator: { ...block.terminator, likely: true } }
      : block;
  test.each([
    ['the places differ', [branch(0, 2, 1, 7), branch(1, 3, 2, 8), ...end]],
    ['another way leads to the second', [branch(0, 2, 1, 7), branch(1, 2, 3, 8), end[0], blockOf(3, [], 1)]],
    [
      'something is done between them',
      [branch(0, 2, 1, 7), { ...branch(1, 2, 3, 8), instructions: [store] }, ...end],
    ],
    [
      'the place needs what stands between them',
      [branch(0, 2, 1, 7), { ...branch(1, 2, 3, 8), instructions: [set(4)] }, blockOf(2, [reading]), end[1]],
    ],
    [
      'the number changes between them',
      [branch(0, 2, 1, 7), { ...branch(1, 2, 3, 8), instructions: [set(1)] }, ...end],
    ],
    ['the source says which is likely', [hinted(branch(0, 2, 1, 7)), branch(1, 2, 3, 8), ...end]],
  ])('stays where %s', (_, blocks) => {
    expect(tested(...blocks)).toEqual([7, 8]);
  });
});
