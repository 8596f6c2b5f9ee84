/**
 * Redundant mask elimination: a mask of all low bits goes where the value can't reach beyond it, as the bounds of a sum
 * show that its bits don't. The bounds are those of the interval analysis (ranges.ts), so the verifier has them, too.
 */
import type { Instruction, IrFunction, Operand } from '../ir/ir.ts';
import { rangesOf } from './ranges.ts';
import { Replacements, rewrittenBlocks, withBlocks } from './rewrite.ts';

type LowMask = Instruction & { readonly op: 'binary'; readonly right: bigint };

const isLowMask = (instruction: Instruction): instruction is LowMask =>
  instruction.op === 'binary' &&
  instruction.operator === 'and' &&
  typeof instruction.right === 'bigint' &&
  (instruction.right & (instruction.right + 1n)) === 0n;

export function removeRedundantMasks(fn: IrFunction): IrFunction {
  const masked: Operand[] = [];
  for (const { instructions } of fn.blocks)
    for (const instruction of instructions) if (isLowMask(instruction)) masked.push(instruction.left);
  const ranges = rangesOf(fn, masked);
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
