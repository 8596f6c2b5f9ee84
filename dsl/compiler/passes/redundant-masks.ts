/**
 * Redundant mask elimination: a mask of all low bits goes where the value can't reach beyond it, as the bounds of a sum
 * show that its bits don't. The bounds are those of the interval analysis (ranges.ts), so the verifier has them, too.
 */
import type { Instruction, IrFunction } from '../ir/ir.ts';
import { producersWithRanges } from './ranges.ts';
import { Replacements } from './rewrite.ts';

export function removeRedundantMasks(fn: IrFunction): IrFunction {
  const { range } = producersWithRanges(fn);
  const replaced = new Replacements();
  const superfluous = (instruction: Instruction): boolean => {
    if (instruction.op !== 'binary' || instruction.operator !== 'and') return false;
    const { left, right } = instruction;
    const isLowMask = typeof right === 'bigint' && (right & (right + 1n)) === 0n;
    const high = range?.(left)?.high;
    return isLowMask && high !== undefined && high <= right;
  };
  const blocks = fn.blocks.map((block) => ({
    ...block,
    instructions: block.instructions.filter((instruction) => {
      const drop = superfluous(instruction);
      if (drop && instruction.op === 'binary') replaced.set(instruction.result, instruction.left);
      return !drop;
    }),
  }));
  return replaced.size === 0 ? fn : replaced.in({ ...fn, blocks });
}
