/** Values that are cheaper made again than kept. */
import { defined, type MachineFunction, type MachineInstruction, type Register } from './machine.ts';

export type Rematerialised = Extract<MachineInstruction, { op: 'constant' | 'relocated' | 'frameAddress' }>;

const isRemade = (instruction: MachineInstruction): instruction is Rematerialised =>
  instruction.op === 'constant' || instruction.op === 'relocated' || instruction.op === 'frameAddress';

/** The one instruction that sets a register, where it can be repeated anywhere. */
export function singleDefinitions(fn: MachineFunction): ReadonlyMap<Register, Rematerialised> {
  const counts = new Map<Register, number>();
  const found = new Map<Register, Rematerialised>();
  for (const block of fn.blocks)
    for (const instruction of block.instructions)
      for (const register of defined(instruction)) {
        counts.set(register, (counts.get(register) ?? 0) + 1);
        if (isRemade(instruction)) found.set(register, instruction);
      }
  return new Map([...found].filter(([register]) => counts.get(register) === 1));
}
