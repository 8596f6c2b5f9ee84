import { describe, expect, test } from 'vitest';
import { hoistCheapSides } from './hoist.ts';
import { layOut } from './layout.ts';
import type { MachineBlock, MachineInstruction } from './machine.ts';
import { blockOf, branch, functionOf } from './machine-testing.ts';
import { joinExits, threadJumps } from './thread.ts';

const set = (to: number, value: bigint): MachineInstruction => ({ op: 'constant', to, value });
const order = (...blocks: MachineBlock[]): readonly number[] =>
  layOut(functionOf(...blocks)).blocks.map(({ id }) => id);

describe('the layout', () => {
  test('puts the return that several checks lead to behind all of them', () => {
    expect(
      order(branch(0, 9, 1, 1), branch(1, 9, 2, 2), blockOf(2, [set(2, 1n)], 9), blockOf(9, [set(0, 0n)])),
    ).toEqual([0, 1, 2, 9]);
  });

  test('goes on where a branch usually goes, also where the other way leads to what runs more often', () => {
    const hinted = branch(0, 1, 2, 1);
    const seldom = { ...hinted, terminator: { ...hinted.terminator, likely: false } as const };
    expect(
      order(seldom, blockOf(1, [], 3, 1), branch(2, 1, 4, 2), blockOf(3, []), blockOf(4, [], 1, 0.4)),
    ).toEqual([0, 2, 4, 1, 3]);
  });

  test('lets one way run into the return and gives the others one of their own', () => {
    const fn = functionOf(branch(0, 1, 2, 1), blockOf(1, [set(0, 1n)]), blockOf(2, [set(0, 2n)]));
    const { blocks } = layOut(threadJumps(joinExits(fn)));
    expect(blocks.map(({ terminator }) => terminator.op)).toEqual(['branch', 'jump', 'exit', 'exit']);
    expect(blocks[1]!.terminator).toEqual({ op: 'jump', to: blocks[2]!.id });
  });
});

describe('hoisting', () => {
  const choice = (...sides: readonly [MachineBlock, MachineBlock]) =>
    hoistCheapSides(functionOf(branch(0, 1, 2, 1), ...sides, blockOf(3, []))).blocks[0]!.instructions;

  test('sets a value before the branch where the other way sets it anew', () => {
    expect(choice(blockOf(1, [set(0, 1n)], 3), blockOf(2, [set(0, 2n)], 3))).toHaveLength(1);
  });

  test('leaves alone what the branch compares, what the other way needs, and what seldom runs', () => {
    expect(choice(blockOf(1, [set(1, 1n)], 3), blockOf(2, [set(1, 2n)], 3))).toEqual([]);
    expect(choice(blockOf(1, [set(0, 1n)], 3), blockOf(2, [], 3))).toEqual([]);
    const load: MachineInstruction = { op: 'load', bytes: 4, to: 0, from: { register: 1, offset: 0 } };
    expect(choice(blockOf(1, [set(0, 1n)], 3, 0.01), blockOf(2, [load], 3))).toEqual([]);
  });
});
