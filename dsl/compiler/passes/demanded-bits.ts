/**
 * Demanded bits: a mask, an `or` or a `xor` that changes only bits which nobody reads goes, and 64-bit arithmetic of
 * which only the low half is read becomes 32-bit. Backward data flow over the bits of each value, after the
 * analysis of the same name in LLVM (lib/Analysis/DemandedBits.cpp); Budiu, Sakr, Walker and Goldstein, "BitValue
 * Inference" (Euro-Par 2000). An address, an argument and a comparison read every bit, so that no bound that the
 * verifier needs gets lost. What is computed of addresses stays in 64 bits, where the verifier takes it for addresses.
 */
import type { BinaryOperator, Instruction, IrFunction, Operand, ValueId, Width } from '../ir/ir.ts';
import { eachOperand, operandsOf } from '../ir/visit.ts';
import { bitLength, ones, swapBytes } from './arithmetic.ts';
import { isAddress } from './branch-facts.ts';
import { FreshValues, producersOf, Replacements, rewrittenBlocks, useCounts, withBlocks } from './rewrite.ts';

type Binary = Instruction & { readonly op: 'binary' };

/** All bits up to the highest one of `bits`: those that a carry into them may come from. */
const upTo = (bits: bigint): bigint => ones(bitLength(bits));

/** The bits of `operand` that `binary` reads to give the bits `wanted` of its result. */
function readByBinary({ operator, width, left, right }: Binary, operand: Operand, wanted: bigint): bigint {
  if (wanted === 0n) return 0n;
  const constant = typeof right === 'bigint' && operand === left ? right : undefined;
  const count = constant === undefined ? undefined : constant & BigInt(width - 1);
  switch (operator) {
    case 'add':
    case 'sub':
    case 'mul':
      return upTo(wanted);
    case 'and':
      return constant === undefined ? wanted : wanted & constant;
    case 'or':
      return constant === undefined ? wanted : wanted & ~constant;
    case 'xor':
      return wanted;
    case 'shl':
      return count === undefined ? ones(width) : wanted >> count;
    case 'lshr':
      return count === undefined ? ones(width) : (wanted << count) & ones(width);
    case 'ashr': {
      if (count === undefined) return ones(width);
      const shifted = wanted << count;
      const sign = shifted > ones(width) ? 1n << BigInt(width - 1) : 0n;
      return (shifted & ones(width)) | sign;
    }
    default:
      return ones(width);
  }
}

function isArithmetic({ op }: Instruction): boolean {
  return op === 'binary' || op === 'zext' || op === 'trunc' || op === 'sext' || op === 'swap';
}

/** The bits of `operand` that an instruction reads to give the bits `wanted` of its result, if it has one. */
function read(instruction: Instruction, operand: Operand, width: Width, wanted: bigint): bigint {
  switch (instruction.op) {
    case 'binary':
      return readByBinary(instruction, operand, wanted);
    case 'zext':
    case 'trunc':
      return wanted & ones(32);
    case 'sext': {
      const low = ones(instruction.from);
      return wanted > low ? low : wanted & low;
    }
    case 'swap':
      return swapBytes(wanted & ones(instruction.bits), instruction.bits);
    case 'store':
      return operand === instruction.base ? ones(width) : ones(8 * instruction.bytes);
    default:
      return ones(width);
  }
}

/** For each value, the bits that something reads. */
export function demandedBits(fn: IrFunction): readonly bigint[] {
  const demanded = new Array<bigint>(fn.widths.length).fill(0n);
  const producer = producersOf(fn);
  /** Values of which more bits are read than when what makes them was looked at. */
  const work: ValueId[] = [];
  const demand = (operand: Operand, bits: bigint): void => {
    if (typeof operand !== 'number') return;
    const before = demanded[operand] ?? 0n;
    const after = before | bits;
    if (after === before) return;
    demanded[operand] = after;
    work.push(operand);
  };
  const widthOf = (operand: Operand): Width =>
    typeof operand === 'number' ? (fn.widths[operand] ?? 64) : 64;
  const demandOperands = (instruction: Instruction, wanted: bigint): void => {
    if (instruction.op === 'binary') {
      demand(instruction.left, readByBinary(instruction, instruction.left, wanted));
      demand(instruction.right, readByBinary(instruction, instruction.right, wanted));
      return;
    }
    eachOperand(instruction, (operand) => {
      demand(operand, read(instruction, operand, widthOf(operand), wanted));
    });
  };
  for (const { instructions, terminator } of fn.blocks) {
    // Of what has no bit wanted arithmetic reads none.
    for (const instruction of instructions) if (!isArithmetic(instruction)) demandOperands(instruction, 0n);
    if (terminator.op === 'branch') {
      const { condition, width, left, right } = terminator;
      demand(left, condition === 'test' && typeof right === 'bigint' ? right : ones(width));
      demand(right, ones(width));
    } else if (terminator.op === 'return') {
      demand(terminator.value, ones(64));
    }
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    const wanted = demanded[value] ?? 0n;
    const made = producer(value);
    if (made !== undefined) demandOperands(made, wanted);
    else for (const argument of producer.received?.(value) ?? []) demand(argument, wanted);
  }
  return demanded;
}

/** Whether `binary` gives its left operand in all bits of `wanted`. */
function changesOthersOnly({ operator, right }: Binary, wanted: bigint): boolean {
  if (typeof right !== 'bigint') return false;
  if (operator === 'and') return (wanted & ~right) === 0n;
  return (operator === 'or' || operator === 'xor') && (wanted & right) === 0n;
}

/** Operators whose low half depends on the operands' low halves alone. */
const NARROWED: ReadonlySet<BinaryOperator> = new Set(['add', 'sub', 'mul', 'and', 'or', 'xor']);

const mayBeNarrow = ({ operator, width, right }: Binary): boolean =>
  width === 64 &&
  (NARROWED.has(operator) || (operator === 'shl' && typeof right === 'bigint' && right < 32n));

/**
 * The low half of 64-bit arithmetic that nothing else uses, as arithmetic on the operands' low halves, and so on with what
 * makes these: `wide` has such arithmetic by its result.
 */
function narrowed(
  result: ValueId,
  binary: Binary,
  wide: ReadonlyMap<Operand, Binary>,
  fresh: FreshValues,
): readonly Instruction[] {
  const spanned = binary.span === undefined ? {} : { span: binary.span };
  const before: Instruction[] = [];
  const low = (operand: Operand): Operand => {
    if (typeof operand === 'bigint') return operand & ones(32);
    const half = fresh.make(32);
    const inner = wide.get(operand);
    if (inner === undefined) before.push({ op: 'trunc', value: operand, result: half, ...spanned });
    else before.push(...narrowed(half, inner, wide, fresh));
    return half;
  };
  const [left, right] = [low(binary.left), low(binary.right)];
  return [...before, { ...binary, width: 32, left, right, result }];
}

export function dropUndemandedBits(fn: IrFunction): IrFunction {
  const demanded = demandedBits(fn);
  const uses = useCounts(fn);
  const producer = producersOf(fn);
  const replaced = new Replacements();
  const fresh = new FreshValues(fn);
  const wide = new Map<Operand, Binary>();
  const blocks = rewrittenBlocks(fn.blocks, (instruction) => {
    if (instruction.op === 'binary') {
      if (changesOthersOnly(instruction, demanded[instruction.result] ?? 0n)) {
        replaced.set(instruction.result, instruction.left);
        return [];
      }
      if (
        mayBeNarrow(instruction) &&
        uses.of(instruction.result) === 1 &&
        !operandsOf(instruction).some((operand) => isAddress(producer, operand))
      ) {
        wide.set(instruction.result, instruction);
      }
    }
    const binary = instruction.op === 'trunc' ? wide.get(instruction.value) : undefined;
    return instruction.op === 'trunc' && binary !== undefined
      ? narrowed(instruction.result, binary, wide, fresh)
      : undefined;
  });
  return replaced.in(withBlocks(fn, blocks, fresh.widths));
}
