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

/** The instruction that sets a register, where it can be repeated anywhere; several that all make the same count as one. */
export function singleDefinitions(fn: MachineFunction): ReadonlyMap<Register, Rematerialised> {
  const found = new Map<Register, { readonly instruction: Rematerialised; readonly made: string }>();
  const others = new Set<Register>();
  for (const block of fn.blocks)
    for (const instruction of block.instructions)
      for (const register of defined(instruction)) {
        if (!isRemade(instruction)) {
          others.add(register);
          continue;
        }
        const made = madeBy(instruction);
        const known = found.get(register);
        if (known === undefined) found.set(register, { instruction, made });
        else if (known.made !== made) others.add(register);
      }
  return new Map(
    [...found].flatMap(([register, { instruction }]) =>
      others.has(register) ? [] : [[register, instruction] as const],
    ),
  );
}
