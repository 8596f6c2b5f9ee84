/**
 * Dead code elimination: keeps what control flow and effects need, by marking backwards from them; block parameters
 * that only feed one another go too. Cytron et al., "Efficiently Computing Static Single Assignment Form" (1991), 7.1.
 */
import type { Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { edgesOf, operandsOf, resultOf, terminatorOperands } from '../ir/visit.ts';
import { mayGo } from './effects.ts';
import { withoutParameters } from './simplify-cfg.ts';

export function eliminateDeadCode(fn: IrFunction): IrFunction {
  const sources = new Map<ValueId, Operand[]>();
  const work: Operand[] = [];
  const parametersOf = new Map(fn.blocks.map((block) => [block.id, block.parameters]));
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      const result = resultOf(instruction);
      if (result !== undefined) {
        sources.set(result, [...operandsOf(instruction)]);
      }
      if (!mayGo(instruction)) {
        work.push(...operandsOf(instruction));
      }
    }
    work.push(...terminatorOperands(block.terminator));
    for (const edge of edgesOf(block.terminator)) {
      for (const [index, parameter] of (parametersOf.get(edge.block) ?? []).entries()) {
        const argument = edge.arguments[index];
        if (argument !== undefined) {
          sources.set(parameter, [...(sources.get(parameter) ?? []), argument]);
        }
      }
    }
  }
  const live = new Set<ValueId>();
  for (let operand = work.pop(); operand !== undefined; operand = work.pop()) {
    if (typeof operand === 'number' && !live.has(operand)) {
      live.add(operand);
      work.push(...(sources.get(operand) ?? []));
    }
  }
  const isLive = (instruction: Instruction): boolean => {
    const result = resultOf(instruction);
    return !mayGo(instruction) || (result !== undefined && live.has(result));
  };
  const parameters = fn.blocks.flatMap((block) => block.parameters);
  const gone = new Set(parameters.filter((parameter) => !live.has(parameter)));
  const kept = {
    ...fn,
    blocks: fn.blocks.map((block) => ({ ...block, instructions: block.instructions.filter(isLive) })),
  };
  const result = gone.size === 0 ? kept : withoutParameters(kept, gone);
  return withoutUnusedSlots(result);
}

function withoutUnusedSlots(fn: IrFunction): IrFunction {
  const used = new Set(
    fn.blocks.flatMap((block) =>
      block.instructions.flatMap((instruction) =>
        instruction.op === 'stackAddress' ? [instruction.slot] : [],
      ),
    ),
  );
  return { ...fn, slots: fn.slots.filter((slot) => used.has(slot.id)) };
}
