import { expect, test } from 'vitest';
import type { MachineInstruction } from './machine.ts';
import { blockOf, branch, functionOf } from './machine-testing.ts';
import { mergeTails } from './tails.ts';

const set = (to: number, value: bigint): MachineInstruction => ({ op: 'constant', to, value });
const add = (to: number, imm: number): MachineInstruction => ({
  op: 'alu',
  operator: 'add',
  width: 64,
  to,
  source: { imm },
});

test('blocks that go on to the same place share the longest end that is the same', () => {
  const { blocks } = mergeTails(
    functionOf(
      branch(0, 1, 2, 5),
      blockOf(1, [set(1, 7n), add(1, 2), set(0, 0n)], 3),
      blockOf(2, [set(1, 8n), add(1, 2), set(0, 0n)], 3),
      blockOf(3, []),
    ),
  );
  expect(blocks.map(({ instructions }) => instructions)).toEqual([
    [],
    [set(1, 7n)],
    [set(1, 8n)],
    [],
    [add(1, 2), set(0, 0n)],
  ]);
  expect(blocks.slice(1, 3).map(({ terminator }) => terminator)).toEqual([
    { op: 'jump', to: 4 },
    { op: 'jump', to: 4 },
  ]);
  expect(blocks[4]!.terminator).toEqual({ op: 'jump', to: 3 });
});

test('equal ends that go on to different places stay apart', () => {
  const fn = functionOf(
    branch(0, 1, 2, 5),
    blockOf(1, [set(0, 0n)], 3),
    blockOf(2, [set(0, 0n)]),
    blockOf(3, []),
  );
  expect(mergeTails(fn).blocks).toEqual(fn.blocks);
});
