/**
 * Code sinking: a computation moves down to the block that dominates all its uses, out of the way of paths that don't
 * need it, and with a shorter live range. Knoop, Rüthing, Steffen, "Partial Dead Code Elimination" (PLDI 1994), in
 * its simplest form. Only what has at most one operand moves, so that no live range grows for another's sake, and
 * never into a loop.
 */
import { blocksById, dominatorTree, loopDepths, reversePostorder } from '../ir/analysis.ts';
import type { Instruction, IrFunction, Operand } from '../ir/ir.ts';
import {
  eachArgument,
  eachOperand,
  eachTerminatorOperand,
  mapUnlessSame,
  operandsOf,
  resultOf,
  unlessSame,
} from '../ir/visit.ts';
import { withBlocks, withInstructions } from './rewrite.ts';

/** Whether an instruction gives the same anywhere below its place. */
function mayMove(instruction: Instruction): boolean {
  switch (instruction.op) {
    case 'binary': {
      const { left, right } = instruction;
      return typeof left === 'bigint' || typeof right === 'bigint' || left === right;
    }
    case 'zext':
    case 'trunc':
    case 'sext':
    case 'swap':
      return true;
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
  const { immediate, common } = dominatorTree(fn);
  const depths = loopDepths(fn);
  /** The nearest block that dominates all uses of a value so far. */
  const usedIn = new Array<number | 'nowhere' | undefined>(fn.widths.length);
  /** Where what is being looked at is used. */
  let user = 0;
  const use = (operand: Operand): void => {
    if (typeof operand !== 'number') return;
    const known = usedIn[operand];
    if (known === undefined) usedIn[operand] = user;
    else if (known !== user && known !== 'nowhere') usedIn[operand] = common(known, user) ?? 'nowhere';
  };
  for (const { id, terminator } of fn.blocks) {
    user = id;
    eachTerminatorOperand(terminator, use);
    eachArgument(terminator, use);
  }

  /** The lowest block from `from` down to `to` that lies in no deeper loop than `from`. */
  const place = (from: number, to: number): number => {
    const depth = depths.get(from) ?? 0;
    for (let at = to; ; ) {
      if ((depths.get(at) ?? 0) <= depth) return at;
      const above = immediate.get(at);
      if (above === undefined || above === at) return from;
      at = above;
    }
  };

  const moved = new Map<number, Instruction[]>();
  const stayed = new Map<number, readonly Instruction[]>();
  const blocks = blocksById(fn);
  // From the last block up, so that a use moves before what it uses.
  for (const id of reversePostorder(fn).toReversed()) {
    const instructions = blocks.get(id)?.instructions ?? [];
    const kept: Instruction[] = [];
    for (const instruction of instructions.toReversed()) {
      const result = resultOf(instruction);
      const target = result === undefined || !mayMove(instruction) ? undefined : usedIn[result];
      const to = target === undefined || target === 'nowhere' ? id : place(id, target);
      if (to === id) {
        kept.push(instruction);
      } else {
        moved.set(to, [instruction, ...(moved.get(to) ?? [])]);
      }
      user = to;
      eachOperand(instruction, use);
    }
    stayed.set(id, unlessSame(instructions, kept.reverse()));
  }
  const sunk = mapUnlessSame(fn.blocks, (block) =>
    withInstructions(
      block,
      insertNearUse(stayed.get(block.id) ?? block.instructions, moved.get(block.id) ?? []),
    ),
  );
  return withBlocks(fn, sunk);
}

/** Puts each of `arriving` in front of its first use, or at the end. */
function insertNearUse(
  instructions: readonly Instruction[],
  arriving: readonly Instruction[],
): readonly Instruction[] {
  if (arriving.length === 0) return instructions;
  const result = [...instructions];
  for (const instruction of arriving.toReversed()) {
    const value = resultOf(instruction);
    const at = result.findIndex((other) => value !== undefined && operandsOf(other).includes(value));
    result.splice(at < 0 ? result.length : at, 0, instruction);
  }
  return result;
}
