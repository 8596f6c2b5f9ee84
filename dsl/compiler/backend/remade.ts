/** Values that are cheaper made again than kept. */
import { defined, type MachineFunction, type MachineInstruction, type Register } from './machine.ts';

export type Rematerialised = Extract<
  MachineInstruction,
  { op: 'constant' | 'relocated' | 'setting' | 'frameAddress' }
>;

const REMADE: ReadonlySet<MachineInstruction['op']> = new Set<Rematerialised['op']>([
  'constant',
  'relocated',
  'setting',
  'frameAddress',
]);

const isRemade = (instruction: MachineInstruction): instruction is Rematerialised =>
  REMADE.has(instruction.op);

/** What is made, whatever the register. */
const madeBy = ({ to: _, span: __, ...rest }: Rematerialised): string =>
  JSON.stringify(rest, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));

const known = new WeakMap<MachineFunction, ReadonlyMap<Register, Rematerialised>>();

/** The instruction that sets a register, where it can be repeated anywhere; several that all make the same count as one. */
export function singleDefinitions(fn: MachineFunction): ReadonlyMap<Register, Rematerialised> {
  const definitions = known.get(fn) ?? findDefinitions(fn);
  known.set(fn, definitions);
  return definitions;
}

function findDefinitions(fn: MachineFunction): ReadonlyMap<Register, Rematerialised> {
  const found = new Map<Register, Rematerialised>();
  const others = new Set<Register>();
  for (const block of fn.blocks)
    for (const instruction of block.instructions) {
      if (!isRemade(instruction)) {
        for (const register of defined(instruction)) others.add(register);
        continue;
      }
      const same = found.get(instruction.to);
      if (same === undefined) found.set(instruction.to, instruction);
      else if (madeBy(same) !== madeBy(instruction)) others.add(instruction.to);
    }
  for (const register of others) found.delete(register);
  return found;
}
