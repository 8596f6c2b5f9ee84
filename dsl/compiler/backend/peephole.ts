/** Small improvements that show only once registers are known. */
import { filterUnlessSame } from '../ir/visit.ts';
import {
  defined,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
} from './machine.ts';

type Known =
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'copy'; readonly of: Register };

/** Drops moves and constants that set a register to what it holds already, within a block. */
function dropRepeated(block: MachineBlock): MachineBlock {
  const known = new Map<Register, Known>();
  const redundant = (instruction: MachineInstruction): boolean => {
    if (instruction.op === 'constant') {
      const held = known.get(instruction.to);
      return held?.kind === 'constant' && held.value === instruction.value;
    }
    if (instruction.op !== 'move') return false;
    const to = known.get(instruction.to);
    const from = known.get(instruction.from);
    return (
      (to?.kind === 'copy' && to.of === instruction.from) ||
      (from?.kind === 'copy' && from.of === instruction.to)
    );
  };
  const instructions = filterUnlessSame(block.instructions, (instruction) => {
    if (redundant(instruction)) return false;
    for (const register of defined(instruction)) {
      known.delete(register);
      for (const [other, held] of known)
        if (held.kind === 'copy' && held.of === register) known.delete(other);
    }
    if (instruction.op === 'constant')
      known.set(instruction.to, { kind: 'constant', value: instruction.value });
    if (instruction.op === 'move') known.set(instruction.to, { kind: 'copy', of: instruction.from });
    return true;
  });
  return instructions === block.instructions ? block : { ...block, instructions };
}

/** The function with redundant register writes gone. */
export function peephole(fn: MachineFunction): MachineFunction {
  return { ...fn, blocks: fn.blocks.map(dropRepeated) };
}
