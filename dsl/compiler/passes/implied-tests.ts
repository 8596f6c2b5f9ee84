/**
 * Implied test elimination: a test goes where what follows it tells its outcomes apart by itself, as `x == 0` and `x == 1`
 * do in front of `x != 2`, when all three lead to the same place. The other way round of jump threading; the case of
 * SimplifyCFG in LLVM that merges a chain of comparisons with one destination.
 */
import { blocksById } from '../ir/analysis.ts';
import type { Block, Edge, IrFunction, Operand, Terminator } from '../ir/ir.ts';
import { decide } from './branch-facts.ts';
import { type Facts, factBehind, withFact } from './facts.ts';
import type { Producer } from './known-bits.ts';
import { producersOf } from './rewrite.ts';
import { sameEdge, simplifyCfg } from './simplify-cfg.ts';

/** Where `edge` leads through a block that does nothing but test, with `facts`; undefined where they don't say. */
function through(edge: Edge, block: Block | undefined, facts: Facts, producer: Producer): Edge | undefined {
  if (block?.terminator.op !== 'branch' || block.instructions.length > 0) return undefined;
  const received = new Map<Operand, Operand>(
    block.parameters.map((parameter, index) => [parameter, edge.arguments[index] ?? 0n]),
  );
  const mapped = (operand: Operand): Operand => received.get(operand) ?? operand;
  const { condition, width, left, right, then, otherwise } = block.terminator;
  const holds = decide({ condition, width, left: mapped(left), right: mapped(right) }, facts, producer);
  if (holds === undefined) return undefined;
  const to = holds ? then : otherwise;
  return { ...to, arguments: to.arguments.map(mapped) };
}

const behind = (terminator: Terminator, taken: boolean): Facts =>
  withFact(factBehind(terminator, taken), undefined);

/** One test that goes, if any does; it may be what kept another. */
function withoutOne(fn: IrFunction): IrFunction | undefined {
  const blocks = blocksById(fn);
  const producer = producersOf(fn);
  const implied = ({ id, terminator }: Block): Edge | undefined => {
    if (terminator.op !== 'branch') return undefined;
    const { then, otherwise } = terminator;
    const tellsApart = (edge: Edge, other: Edge, taken: boolean): boolean => {
      if (other.block === id) return false;
      const reached = through(other, blocks.get(other.block), behind(terminator, taken), producer);
      return reached !== undefined && sameEdge(reached, edge);
    };
    if (tellsApart(then, otherwise, true)) return otherwise;
    return tellsApart(otherwise, then, false) ? then : undefined;
  };
  for (const block of fn.blocks) {
    const to = implied(block);
    if (to === undefined) continue;
    const { span } = block.terminator;
    const jumping: Block = { ...block, terminator: { op: 'jump', to, ...(span && { span }) } };
    return { ...fn, blocks: fn.blocks.map((each) => (each === block ? jumping : each)) };
  }
  return undefined;
}

export function removeImpliedTests(fn: IrFunction): IrFunction {
  let current = fn;
  for (let next = withoutOne(current); next !== undefined; next = withoutOne(current)) {
    current = simplifyCfg(next);
  }
  return current;
}
