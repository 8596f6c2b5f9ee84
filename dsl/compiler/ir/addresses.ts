/**
 * Which values the verifier has to bound, since they become part of an address or are passed to a helper. After some
 * 32-bit operations it forgets that the upper half of the register is zero (adjust_scalar_min_max_vals and check_alu_op,
 * kernel/bpf/verifier.c, mark the whole register unknown); for these values it must be told again.
 */
import { blocksById } from './analysis.ts';
import type { Edge, Instruction, IrFunction, Operand, Terminator, ValueId } from './ir.ts';
import { eachEdge, eachOperand, resultOf } from './visit.ts';

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

/**
 * Whether the verifier knows as little of a product where it knows nothing of the factors' upper halves. A constant of 2^63 and
 * more, as hash functions have, makes too much of all but 0 and 1, or is negative to it (scalar_min_max_mul).
 */
const losesBounds = ({ operator, left, right }: Extract<Instruction, { op: 'binary' }>): boolean =>
  operator === 'mul' && [left, right].some((factor) => typeof factor === 'bigint' && factor >> 63n === 1n);

/** What each value is computed from, and the values that are addresses or arguments of helpers themselves. */
class Addresses {
  /** Instructions whose results are computed from all that they read. */
  private readonly computed: (Instruction | undefined)[];
  private readonly sources: (Operand[] | undefined)[];
  private readonly pointers = new Set<Operand>();
  private readonly ends: Operand[] = [];

  /** `bounds`: the verifier has to know the bounds of the values, not only that their upper half is zero. */
  constructor(
    fn: IrFunction,
    private readonly bounds: boolean,
  ) {
    this.computed = new Array<Instruction | undefined>(fn.widths.length);
    this.sources = new Array<Operand[] | undefined>(fn.widths.length);
    const blocks = blocksById(fn);
    const receive = (edge: Edge): void => {
      for (const [index, parameter] of (blocks.get(edge.block)?.parameters ?? []).entries())
        this.made(parameter, edge.arguments[index] ?? 0n);
    };
    for (const { instructions, terminator } of fn.blocks) {
      for (const instruction of instructions) {
        this.read(instruction);
        if (bounds) this.readForBounds(instruction);
      }
      if (bounds) this.readTerminator(terminator);
      eachEdge(terminator, receive);
    }
  }

  private made(value: Operand, from: Operand): void {
    if (typeof value !== 'number') return;
    const known = this.sources[value];
    if (known === undefined) this.sources[value] = [from];
    else known.push(from);
  }

  private read(instruction: Instruction): void {
    switch (instruction.op) {
      case 'load':
      case 'store':
      case 'atomic':
        this.ends.push(instruction.base);
        if (instruction.op === 'load' && instruction.pointer) this.pointers.add(instruction.result);
        break;
      case 'helper':
        this.ends.push(...instruction.arguments);
        break;
      case 'binary': {
        // Any other 32-bit operation says anew that the upper half is zero.
        if (!this.bounds && (instruction.width === 32 || losesBounds(instruction))) break;
        const { left, right } = instruction;
        this.computed[instruction.result] = instruction;
        // Adding to a pointer asks for a bound even where nothing is accessed.
        if (!this.pointers.has(left)) break;
        this.pointers.add(instruction.result);
        this.ends.push(right);
        break;
      }
      case 'zext':
      case 'trunc':
        this.computed[instruction.result] = instruction;
        break;
      default: {
        const result = resultOf(instruction);
        if (result !== undefined && instruction.op.endsWith('Address')) this.pointers.add(result);
      }
    }
  }

  /** The verifier follows bounds into subprograms, and through the stack. */
  private readForBounds(instruction: Instruction): void {
    if (instruction.op === 'call') this.ends.push(...instruction.arguments);
    if (instruction.op === 'store' && instruction.region === 'stack') this.ends.push(instruction.value);
    if (instruction.op === 'sext') this.computed[instruction.result] = instruction;
  }

  /** What a subprogram returns has bounds, and either side of a comparison bounds the other. */
  private readTerminator(terminator: Terminator): void {
    if (terminator.op === 'return') this.ends.push(terminator.value);
    if (terminator.op !== 'branch') return;
    this.made(terminator.left, terminator.right);
    this.made(terminator.right, terminator.left);
  }

  values(): ReadonlySet<ValueId> {
    const found = new Set<ValueId>();
    const work = [...this.ends];
    const add = (operand: Operand): void => {
      work.push(operand);
    };
    for (let operand = work.pop(); operand !== undefined; operand = work.pop())
      if (typeof operand === 'number' && !found.has(operand)) {
        found.add(operand);
        const computed = this.computed[operand];
        if (computed !== undefined) eachOperand(computed, add);
        this.sources[operand]?.forEach(add);
      }
    return found;
  }
}

/** Values that are part of an address or an argument of a helper, through 64-bit arithmetic and control flow. */
export const valuesInAddresses = (fn: IrFunction): ReadonlySet<ValueId> => new Addresses(fn, false).values();

/** Values whose bounds the verifier may ask for: any that have to do with an address or an argument. */
export const valuesWithBounds = (fn: IrFunction): ReadonlySet<ValueId> => new Addresses(fn, true).values();
