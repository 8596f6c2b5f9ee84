/**
 * Which values the verifier has to bound, since they become part of an address or are passed to a helper. After some
 * 32-bit operations it forgets that the upper half of the register is zero (adjust_scalar_min_max_vals and check_alu_op,
 * kernel/bpf/verifier.c, mark the whole register unknown); for these values it must be told again.
 */
import type { Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { edgesOf, resultOf } from '../ir/visit.ts';

/** Whether the verifier takes the result for 64 unknown bits, although the upper 32 are zero. */
export function forgetsHighHalf(instruction: Instruction): boolean {
  if (instruction.op === 'swap') return instruction.bits !== 64;
  if (instruction.op !== 'binary' || instruction.width !== 32) return false;
  const { operator, left, right } = instruction;
  switch (operator) {
    case 'udiv':
    case 'sdiv':
    case 'umod':
    case 'smod':
      return true;
    case 'shl':
    case 'lshr':
    case 'ashr':
      return typeof right !== 'bigint';
    case 'sub':
      return left === 0n;
    default:
      return false;
  }
}

/** Values that are part of an address or an argument of a helper, through 64-bit arithmetic and control flow. */
export function valuesInAddresses(fn: IrFunction): ReadonlySet<ValueId> {
  const sources = new Map<ValueId, Operand[]>();
  const pointers = new Set<Operand>();
  const work: Operand[] = [];
  const parameters = new Map(fn.blocks.map((block) => [block.id, block.parameters]));
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      const result = resultOf(instruction);
      switch (instruction.op) {
        case 'load':
        case 'store':
        case 'atomic':
          work.push(instruction.base);
          if (instruction.op === 'load' && instruction.pointer) pointers.add(instruction.result);
          break;
        case 'helper':
          work.push(...instruction.arguments);
          break;
        case 'binary': {
          // Any other 32-bit operation says anew that the upper half is zero.
          if (instruction.width === 32) break;
          const { left, right } = instruction;
          sources.set(instruction.result, [left, right]);
          // Adding to a pointer asks for a bound even where nothing is accessed.
          if (!pointers.has(left)) break;
          pointers.add(instruction.result);
          work.push(right);
          break;
        }
        case 'zext':
        case 'trunc':
          sources.set(instruction.result, [instruction.value]);
          break;
        default:
          if (result !== undefined && instruction.op.endsWith('Address')) pointers.add(result);
      }
    }
    for (const edge of edgesOf(block.terminator))
      for (const [index, parameter] of (parameters.get(edge.block) ?? []).entries()) {
        const argument = edge.arguments[index];
        if (argument !== undefined) sources.set(parameter, [...(sources.get(parameter) ?? []), argument]);
      }
  }
  const found = new Set<ValueId>();
  for (let operand = work.pop(); operand !== undefined; operand = work.pop())
    if (typeof operand === 'number' && !found.has(operand)) {
      found.add(operand);
      work.push(...(sources.get(operand) ?? []));
    }
  return found;
}
