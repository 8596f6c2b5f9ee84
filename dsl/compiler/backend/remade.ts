/** Values that are cheaper made again than kept. */
import { accessesOf } from './accesses.ts';
import { areAlike } from './compare.ts';
import type { MachineFunction, MachineInstruction, Register } from './machine.ts';

export type Rematerialised = Extract<
  MachineInstruction,
  { op: 'constant' | 'relocated' | 'setting' | 'frameAddress' }
>;

const isRemade = (instruction: MachineInstruction): instruction is Rematerialised =>
  instruction.op === 'constant' ||
  instruction.op === 'relocated' ||
  instruction.op === 'setting' ||
  instruction.op === 'frameAddress';

/** The instruction that sets a register, where it can be repeated anywhere; several that all make the same count as one. */
export function singleDefinitions(fn: MachineFunction): ReadonlyMap<Register, Rematerialised> {
  const { writes } = accessesOf(fn);
  const found = new Map<Register, Rematerialised>();
  const others = new Uint8Array(fn.nextRegister);
  let step = 0;
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      if (isRemade(instruction)) {
        const same = found.get(instruction.to);
        if (same === undefined) found.set(instruction.to, instruction);
        else if (!areAlike(same, instruction)) others[instruction.to] = 1;
      } else for (let at = writes.start(step); at < writes.start(step + 1); at++) others[writes.at(at)] = 1;
      step += 1;
    }
    // The terminator's.
    step += 1;
  }
  for (const register of found.keys()) if (others[register] === 1) found.delete(register);
  return found;
}
