/**
 * Redundant mask elimination: a mask of all low bits goes where the value can't reach beyond it, as the bounds of a sum
 * show that its bits don't. The bounds are those of the interval analysis (ranges.ts), so the verifier has them, too.
 */
import type { Instruction, IrFunction } from '../ir/ir.ts';
import { producersWithRanges } from './ranges.ts';
import { Replacements, rewrittenBlocks, withBlocks } from './rewrite.ts';

type Binary = Instruction & { readonly op: 'binary' };

export function removeRedundantMasks(fn: IrFunction): IrFunction {
  const { range } = producersWithRanges(fn);
  const replaced = new Replacements();
  const superfluous = ({ operator, left, right }: Binary): boolean => {
    if (operator !== 'and') return false;
    const isLowMask = typeof right === 'bigint' && (right & (right + 1n)) === 0n;
    const high = range?.(left)?.high;
    return isLowMask && high !== undefined && high <= right;
  };
  const blocks = rewrittenBlocks(fn.blocks, (instruction) => {
    if (instruction.op !== 'binary' || !superfluous(instruction)) return undefined;
    replaced.set(instruction.result, instruction.left);
    return [];
  });
  return replaced.in(withBlocks(fn, blocks));
}
