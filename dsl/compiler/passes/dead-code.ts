/**
 * Dead code elimination: keeps what control flow and effects need, by marking backwards from them; block parameters
 * that only feed one another go too. Cytron et al., "Efficiently Computing Static Single Assignment Form" (1991), 7.1.
 */
import type { Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { eachOperand, filterUnlessSame, mapUnlessSame, resultOf, terminatorOperands } from '../ir/visit.ts';
import { mayGo } from './effects.ts';
import { producersOf, withBlocks, withInstructions } from './rewrite.ts';
import { withoutParameters } from './simplify-cfg.ts';

export function eliminateDeadCode(fn: IrFunction): IrFunction {
  const producer = producersOf(fn);
  const live = new Uint8Array(fn.widths.length);
  const work: ValueId[] = [];
  const need = (operand: Operand): void => {
    if (typeof operand !== 'number' || live[operand] === 1) return;
    live[operand] = 1;
    work.push(operand);
  };
  for (const { instructions, terminator } of fn.blocks) {
    for (const instruction of instructions) if (!mayGo(instruction)) eachOperand(instruction, need);
    terminatorOperands(terminator).forEach(need);
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    const made = producer(value);
    if (made !== undefined) eachOperand(made, need);
    else producer.received?.(value)?.forEach(need);
  }
  const isLive = (instruction: Instruction): boolean => {
    const result = resultOf(instruction);
    return !mayGo(instruction) || (result !== undefined && live[result] === 1);
  };
  const blocks = mapUnlessSame(fn.blocks, (block) =>
    withInstructions(block, filterUnlessSame(block.instructions, isLive)),
  );
  const dead = fn.blocks.flatMap((block) => block.parameters.filter((parameter) => live[parameter] !== 1));
  return withoutUnusedSlots(withoutParameters(withBlocks(fn, blocks), new Set(dead)));
}

function withoutUnusedSlots(fn: IrFunction): IrFunction {
  if (fn.slots.length === 0) return fn;
  const used = new Set<number>();
  for (const { instructions } of fn.blocks)
    for (const instruction of instructions) if (instruction.op === 'stackAddress') used.add(instruction.slot);
  const slots = filterUnlessSame(fn.slots, (slot) => used.has(slot.id));
  return slots === fn.slots ? fn : { ...fn, slots };
}
