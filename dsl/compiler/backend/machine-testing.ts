/** For tests: small machine functions. */
import type { MachineBlock, MachineFunction, MachineInstruction } from './machine.ts';

/** A block that jumps to `to`, or returns. */
export const blockOf = (
  id: number,
  instructions: readonly MachineInstruction[],
  to?: number,
  frequency = 0.5,
): MachineBlock => ({
  id,
  instructions,
  terminator: to === undefined ? { op: 'exit' } : { op: 'jump', to },
  frequency,
});

/** A block that only compares r1 with `imm`. */
export const branch = (id: number, then: number, otherwise: number, imm: number): MachineBlock => ({
  id,
  instructions: [],
  terminator: { op: 'branch', condition: 'eq', width: 32, left: 1, right: { imm }, then, otherwise },
  frequency: 0.5,
});

export const functionOf = (...blocks: MachineBlock[]): MachineFunction => ({
  name: 'f',
  parameters: 1,
  blocks,
  slots: [],
  nextRegister: 11,
});
