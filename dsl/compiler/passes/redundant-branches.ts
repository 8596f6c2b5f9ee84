/**
 * Redundant branch elimination: a branch that a dominating one has decided becomes a jump; repeated null and bounds
 * checks vanish so. Mueller and Whalley, "Avoiding Conditional Branches by Code Replication" (PLDI 1995), without the
 * replication, which jump threading does.
 */
import type { Block, IrFunction } from '../ir/ir.ts';
import { mapUnlessSame } from '../ir/visit.ts';
import { decide } from './branch-facts.ts';
import { factsOnEntry } from './facts.ts';
import { producersWithRanges } from './ranges.ts';
import { withBlocks } from './rewrite.ts';

export function removeRedundantBranches(fn: IrFunction): IrFunction {
  const facts = factsOnEntry(fn);
  const producer = producersWithRanges(fn);
  const blocks = mapUnlessSame(fn.blocks, (block): Block => {
    const { terminator } = block;
    if (terminator.op !== 'branch') {
      return block;
    }
    const holds = decide(terminator, facts.get(block.id), producer);
    if (holds === undefined) {
      return block;
    }
    const spanned = terminator.span === undefined ? {} : { span: terminator.span };
    const to = holds ? terminator.then : terminator.otherwise;
    return { ...block, terminator: { op: 'jump', to, ...spanned } };
  });
  return withBlocks(fn, blocks);
}
