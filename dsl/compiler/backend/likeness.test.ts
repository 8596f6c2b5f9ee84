import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { irFunction } from '../ir/arbitrary.ts';
import type { IrFunction, IrProgram, Operand } from '../ir/ir.ts';
import { mapOperands, mapTerminatorOperands } from '../ir/visit.ts';
import { machineCode } from './index.ts';
import { Likeness } from './likeness.ts';
import type { MachineFunction, MachineInstruction } from './machine.ts';
import { blockOf, functionOf } from './machine-testing.ts';

const constants = (...values: readonly bigint[]): MachineFunction =>
  functionOf(
    blockOf(
      0,
      values.map((value, index): MachineInstruction => ({ op: 'constant', to: 11 + index, value })),
    ),
  );

const areAlike = (first: MachineFunction, other: MachineFunction): boolean =>
  Likeness.between(first, other) !== undefined;

/** The function with its small constants replaced. */
function withConstants(fn: IrFunction, replace: (constant: bigint) => bigint): IrFunction {
  const replaced = (operand: Operand): Operand =>
    typeof operand === 'bigint' && operand < 1000n ? replace(operand) : operand;
  const blocks = fn.blocks.map((block) => ({
    ...block,
    instructions: block.instructions.map((instruction) => mapOperands(instruction, replaced)),
    terminator: mapTerminatorOperands(block.terminator, replaced),
  }));
  return { ...fn, blocks };
}

describe('functions that are alike', () => {
  test('differ in constants, those that were equal being equal', () => {
    expect(areAlike(constants(1n, 2n, 1n), constants(3n, 4n, 3n))).toBe(true);
    expect(areAlike(constants(1n, 2n, 1n), constants(2n, 1n, 2n))).toBe(true);
    expect(areAlike(constants(1n, 2n, 1n), constants(3n, 4n, 4n))).toBe(false);
    expect(areAlike(constants(1n, 2n), constants(3n, 3n))).toBe(false);
  });

  test('have constants of the same size', () => {
    expect(areAlike(constants(1n), constants(0xffff_ffffn))).toBe(true);
    expect(areAlike(constants(1n), constants(0x1_0000_0000n))).toBe(false);
  });

  test('have the same instructions', () => {
    const other = functionOf(blockOf(0, [{ op: 'move', to: 11, from: 1 }]));
    expect(areAlike(constants(1n), other)).toBe(false);
    expect(areAlike(constants(1n), constants(1n, 2n))).toBe(false);
  });

  test('have the same code but for their constants', () => {
    let alike = 0;
    const program = (fn: IrFunction): IrProgram => ({ name: 'example', functions: [fn] });
    fc.assert(
      fc.property(irFunction, fc.bigInt(0n, 3n), fc.nat(2), (fn, step, shift) => {
        const other = program(withConstants(fn, (constant) => (constant << BigInt(shift)) + step));
        let first: MachineFunction | undefined;
        const [made] = machineCode(program(fn), 'v3', (selected, finish) => {
          first = selected;
          return finish(selected);
        });
        const again = machineCode(other, 'v3', (selected, finish) => {
          const likeness = Likeness.between(first!, selected);
          if (likeness === undefined) return finish(selected);
          alike += 1;
          return likeness.applied(made!, selected.name);
        });
        expect(again).toEqual(machineCode(other));
      }),
      { numRuns: 60 },
    );
    expect(alike).toBeGreaterThan(0);
  });
});
