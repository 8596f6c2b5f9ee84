/**
 * Redundant mask elimination: a mask of all low bits goes where the value can't reach beyond it, as the bounds of a sum
 * show that its bits don't. The bounds are those of the interval analysis (ranges.ts), so the verifier has them, too.
 */
import type { IrFunction } from '../ir/ir.ts';
import { isLowMask, rangesOfTested } from './ranges.ts';
import { Replacements, rewrittenBlocks, withBlocks } from './rewrite.ts';

export function removeRedundantMasks(fn: IrFunction): IrFunction {
  const ranges = rangesOfTested(fn);
  const replaced = new Replacements();
  const blocks = rewrittenBlocks(fn.blocks, (instruction) => {
    if (!isLowMask(instruction) || typeof instruction.left !== 'number') return undefined;
    const range = ranges[instruction.left];
    if (range === undefined || range.high > instruction.right) return undefined;
    replaced.set(instruction.result, instruction.left);
    return [];
  });
  return replaced.in(withBlocks(fn, blocks));
}
