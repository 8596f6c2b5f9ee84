/**
 * For the instruction sets without 32-bit arithmetic and jumps (v1 and v2): both in 64 bits. A 32-bit value's upper half is
 * always zero, so that unsigned comparisons, logic, right shifts and divisions are the same at either width; whatever else
 * may leave bits in the upper half is cut again.
 */
import type { BinaryOperator, Block, Instruction, IrFunction, Operand, Terminator, Width } from '../ir/ir.ts';

type Binary = Instruction & { readonly op: 'binary' };
type Branch = Terminator & { readonly op: 'branch' };

/** Operators that can't carry into the upper half. */
const CONTAINED: ReadonlySet<BinaryOperator> = new Set(['and', 'or', 'xor', 'lshr', 'udiv', 'umod']);
const SHIFTS: ReadonlySet<BinaryOperator> = new Set(['shl', 'lshr', 'ashr']);

class Widener {
  private readonly widths: Width[];

  constructor(private readonly fn: IrFunction) {
    this.widths = [...fn.widths];
  }

  private fresh(width: Width): number {
    return this.widths.push(width) - 1;
  }

  private zext(operand: Operand, into: Instruction[]): Operand {
    if (typeof operand === 'bigint') return operand;
    const result = this.fresh(64);
    into.push({ op: 'zext', value: operand, result });
    return result;
  }

  private sext(operand: Operand, into: Instruction[]): Operand {
    if (typeof operand === 'bigint') return BigInt.asUintN(64, BigInt.asIntN(32, operand));
    const result = this.fresh(64);
    into.push({ op: 'sext', from: 32, width: 64, value: operand, result });
    return result;
  }

  /** A shift's count within the width: 64-bit shifts would take one bit more of it (RFC 9669 section 4.1). */
  private count(operand: Operand, into: Instruction[]): Operand {
    const wide = this.zext(operand, into);
    if (typeof wide === 'bigint') return wide & 31n;
    const result = this.fresh(64);
    into.push({ op: 'binary', operator: 'and', width: 64, left: wide, right: 31n, result });
    return result;
  }

  private binary(instruction: Binary): readonly Instruction[] {
    const { operator, result } = instruction;
    const into: Instruction[] = [];
    const left = operator === 'ashr' ? this.sext(instruction.left, into) : this.zext(instruction.left, into);
    const right = SHIFTS.has(operator)
      ? this.count(instruction.right, into)
      : this.zext(instruction.right, into);
    const wide = this.fresh(64);
    const low = this.fresh(64);
    const made: Instruction = { ...instruction, width: 64, left, right, result: wide };
    const cut: Instruction = {
      op: 'binary',
      operator: 'and',
      width: 64,
      left: wide,
      right: LOW_HALF,
      result: low,
    };
    // What is known to have no upper half is `trunc` alone: that is free.
    const isContained = CONTAINED.has(operator);
    const trunc: Instruction = { op: 'trunc', value: isContained ? wide : low, result };
    return [...into, made, ...(isContained ? [] : [cut]), trunc];
  }

  private instruction(instruction: Instruction): readonly Instruction[] {
    if (instruction.op === 'binary' && instruction.width === 32) return this.binary(instruction);
    if (instruction.op !== 'sext' || instruction.width === 64) return [instruction];
    const wide = this.fresh(64);
    return [
      { ...instruction, width: 64, result: wide },
      { op: 'trunc', value: wide, result: instruction.result },
    ];
  }

  private branch(branch: Branch, into: Instruction[]): Branch {
    const wide = (operand: Operand): Operand =>
      branch.condition.startsWith('s') ? this.sext(operand, into) : this.zext(operand, into);
    return { ...branch, width: 64, left: wide(branch.left), right: wide(branch.right) };
  }

  run(): IrFunction {
    const blocks = this.fn.blocks.map((block): Block => {
      const instructions = block.instructions.flatMap((instruction) => this.instruction(instruction));
      const { terminator } = block;
      return terminator.op === 'branch' && terminator.width === 32
        ? { ...block, terminator: this.branch(terminator, instructions), instructions }
        : { ...block, instructions };
    });
    return { ...this.fn, blocks, widths: this.widths };
  }
}

const LOW_HALF = 0xffff_ffffn;

/** The function without 32-bit arithmetic and comparisons. */
export const widen = (fn: IrFunction): IrFunction => new Widener(fn).run();
