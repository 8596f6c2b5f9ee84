/**
 * Code sinking: a computation moves down to the block that dominates all its uses, out of the way of paths that don't
 * need it, and with a shorter live range. Knoop, Rüthing, Steffen, "Partial Dead Code Elimination" (PLDI 1994), in
 * its simplest form. Only what has at most one operand moves, so that no live range grows for another's sake, and
 * never into a loop.
 */
import { blocksById, dominatorTree, loopDepths, reversePostorder } from '../ir/analysis.ts';
import type { Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { edgesOf, operandsOf, resultOf, terminatorOperands } from '../ir/visit.ts';

/** Whether an instruction gives the same anywhere below its place. */
function mayMove(instruction: Instruction): boolean {
  switch (instruction.op) {
    case 'binary':
    case 'zext':
    case 'trunc':
    case 'sext':
    case 'swap':
      return new Set(operandsOf(instruction).filter((operand) => typeof operand === 'number')).size <= 1;
    case 'load':
      return instruction.region === 'settings';
    case 'sectionAddress':
    case 'mapAddress':
    case 'functionAddress':
    case 'stackAddress':
      return true;
    default:
      return false;
  }
}

export function sinkComputations(fn: IrFunction): IrFunction {
  const { immediate } = dominatorTree(fn);
  const depths = loopDepths(fn);
  const usedIn = new Map<ValueId, Set<number>>();
  const use = (operand: Operand, block: number): void => {
    if (typeof operand === 'number') {
      usedIn.set(operand, (usedIn.get(operand) ?? new Set()).add(block));
    }
  };
  for (const block of fn.blocks) {
    for (const operand of terminatorOperands(block.terminator)) {
      use(operand, block.id);
    }
    for (const argument of edgesOf(block.terminator).flatMap((edge) => edge.arguments)) {
      use(argument, block.id);
    }
  }

  const ancestors = (id: number): number[] => {
    const chain = [id];
    for (let at = immediate.get(id); at !== undefined && at !== chain.at(-1); at = immediate.get(at)) {
      chain.push(at);
    }
    return chain;
  };
  /** The nearest block that dominates all of `ids`. */
  const common = (ids: ReadonlySet<number>): number | undefined => {
    const [first, ...others] = [...ids].map(ancestors);
    return first?.find((candidate) => others.every((chain) => chain.includes(candidate)));
  };
  /** The lowest block from `from` down to `to` that lies in no deeper loop than `from`. */
  const place = (from: number, to: number): number =>
    ancestors(to).find((id) => (depths.get(id) ?? 0) <= (depths.get(from) ?? 0)) ?? from;

  const moved = new Map<number, Instruction[]>();
  const stayed = new Map<number, readonly Instruction[]>();
  const blocks = blocksById(fn);
  // From the last block up, so that a use moves before what it uses.
  for (const id of reversePostorder(fn).toReversed()) {
    const kept: Instruction[] = [];
    for (const instruction of (blocks.get(id)?.instructions ?? []).toReversed()) {
      const result = resultOf(instruction);
      const uses = result === undefined ? undefined : usedIn.get(result);
      const target = uses !== undefined && mayMove(instruction) ? common(uses) : undefined;
      const to = target === undefined ? id : place(id, target);
      if (to === id) {
        kept.push(instruction);
      } else {
        moved.set(to, [instruction, ...(moved.get(to) ?? [])]);
      }
      for (const operand of operandsOf(instruction)) {
        use(operand, to);
      }
    }
    stayed.set(id, kept.reverse());
  }
  return {
    ...fn,
    blocks: fn.blocks.map((block) => ({
      ...block,
      instructions: insertNearUse(stayed.get(block.id) ?? block.instructions, moved.get(block.id)),
    })),
  };
}

/** Puts each of `arriving` in front of its first use, or at the end. */
function insertNearUse(
  instructions: readonly Instruction[],
  arriving: readonly Instruction[] | undefined,
): readonly Instruction[] {
  const result = [...instructions];
  for (const instruction of (arriving ?? []).toReversed()) {
    const value = resultOf(instruction);
    const at = result.findIndex((other) => value !== undefined && operandsOf(other).includes(value));
    result.splice(at < 0 ? result.length : at, 0, instruction);
  }
  return result;
}
