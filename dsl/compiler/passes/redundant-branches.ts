/**
 * Redundant branch elimination: a branch that a dominating one has decided becomes a jump; repeated null and bounds
 * checks vanish so. Mueller and Whalley, "Avoiding Conditional Branches by Code Replication" (PLDI 1995), without the
 * replication, which jump threading does.
 */
import type { Block, IrFunction, Operand } from '../ir/ir.ts';
import { mapUnlessSame } from '../ir/visit.ts';
import { decide } from './branch-facts.ts';
import { factsOnEntry } from './facts.ts';
import type { Producer } from './known-bits.ts';
import { rangesOfTested } from './ranges.ts';
import { producersOf, withBlocks } from './rewrite.ts';

/** Where the values of a function come from, with the bounds of those that are compared with a constant. */
function producersWithRanges(fn: IrFunction): Producer {
  const ranges = rangesOfTested(fn);
  const producer = producersOf(fn);
  return Object.assign((operand: Operand) => producer(operand), {
    ...producer,
    range: (operand: Operand) => (typeof operand === 'number' ? ranges[operand] : undefined),
  });
}

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
