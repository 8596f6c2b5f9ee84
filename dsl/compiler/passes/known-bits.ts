/**
 * Which bits of a value can be one, as far as its producers tell. It claims no more than the kernel's verifier finds
 * by itself (kernel/bpf/verifier.c, adjust_scalar_min_max_vals), so that what the compiler leaves out on its word
 * the verifier doesn't miss: a byte swap, for one, makes the verifier forget everything.
 */
import type { Instruction, Operand, ValueId, Width } from '../ir/ir.ts';
import { bitLength, larger, ones, smaller } from './arithmetic.ts';

/** Where values come from. */
export interface Producer {
  /** The instruction that made a value, if one did. */
  (operand: Operand): Instruction | undefined;
  /** What a block's parameter receives from the edges into its block. The verifier follows each path by itself. */
  readonly received?: (operand: Operand) => readonly Operand[] | undefined;
  /** The bounds of a value, where somebody found them out. */
  readonly range?: (operand: Operand) => Range | undefined;
  /** What was found out before; only for a function that doesn't change any more. */
  readonly found?: { readonly bits: Findings; readonly largest: Findings };
}

type Find = (producer: Producer, value: ValueId, width: Width, depth: number) => bigint;

/** A number by value, width and depth of the search. */
export class Findings {
  private readonly numbers = new Map<number, bigint>();

  constructor(private readonly find: Find) {}

  of(producer: Producer, value: ValueId, width: Width, depth: number): bigint {
    const key = (value * 2 + (width === 64 ? 1 : 0)) * (DEPTH + 1) + depth;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const found = this.find(producer, value, width, depth);
    this.numbers.set(key, found);
    return found;
  }
}

/** What is found out of a function that doesn't change any more. */
export const newFindings = (): Producer['found'] => ({
  bits: new Findings(findBits),
  largest: new Findings(findLargest),
});

/** Unsigned bounds, both within. */
export interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** Bounds the recursion on long chains. */
const DEPTH = 8;
/** How much of it a parameter takes, since it may have many edges. */
const PARAMETER_DEPTH = 4;

/** All bits up to the highest one. */
const below = (value: bigint): bigint => ones(bitLength(value));

/** The verifier bounds a product only of factors within half the width (scalar_min_max_mul). */
const largestProduct = (width: Width, a: bigint, b: bigint): bigint =>
  larger(a, b) > ones(width / 2) ? ones(width) : a * b;

/**
 * Whether the verifier forgets all 64 bits of what a 32-bit instruction gives, the upper half too, which is zero
 * (adjust_scalar_min_max_vals returns before it extends where is_safe_to_compute_dst_reg_range says no).
 */
export function isForgotten(instruction: Instruction | undefined): boolean {
  if (instruction?.op === 'swap') return true;
  if (instruction?.op !== 'binary') return false;
  switch (instruction.operator) {
    case 'shl':
    case 'lshr':
    case 'ashr':
      return typeof instruction.right !== 'bigint';
    case 'udiv':
    case 'sdiv':
    case 'umod':
    case 'smod':
      return true;
    default:
      return false;
  }
}

/** A mask of the bits that may be one in `operand`, used at `width`. */
export function possibleBits(producer: Producer, operand: Operand, width: Width, depth = DEPTH): bigint {
  if (typeof operand === 'bigint') return operand & ones(width);
  if (depth <= 0) return ones(width);
  const instruction = producer(operand);
  switch (instruction?.op) {
    case undefined:
    case 'binary':
      return producer.found === undefined
        ? findBits(producer, operand, width, depth)
        : producer.found.bits.of(producer, operand, width, depth);
    case 'load':
      return instruction.pointer ? ones(width) : ones(8 * instruction.bytes) & ones(width);
    case 'zext':
      return isForgotten(producer(instruction.value))
        ? ones(width)
        : possibleBits(producer, instruction.value, 32, depth - 1);
    case 'trunc':
      return possibleBits(producer, instruction.value, 64, depth - 1) & ones(32);
    default:
      return ones(width);
  }
}

/** The same of what takes more to find out. */
function findBits(producer: Producer, operand: ValueId, width: Width, depth: number): bigint {
  const instruction = producer(operand);
  if (instruction?.op === 'binary') return bitsOfBinary(producer, instruction, depth - 1);
  const received = producer.received?.(operand);
  if (received === undefined) return ones(width);
  let all = 0n;
  for (const each of received) all |= possibleBits(producer, each, width, depth - PARAMETER_DEPTH);
  return all;
}

function bitsOfBinary(
  producer: Producer,
  { operator, width, left, right }: Instruction & { readonly op: 'binary' },
  depth: number,
): bigint {
  switch (operator) {
    case 'and':
      return possibleBits(producer, left, width, depth) & possibleBits(producer, right, width, depth);
    case 'or':
    case 'xor':
      return possibleBits(producer, left, width, depth) | possibleBits(producer, right, width, depth);
    case 'lshr':
      // Of a shift by what it doesn't know the verifier knows nothing (is_safe_to_compute_dst_reg_range).
      return typeof right === 'bigint'
        ? possibleBits(producer, left, width, depth) >> (right & BigInt(width - 1))
        : ones(width);
    case 'shl':
      return typeof right === 'bigint'
        ? (possibleBits(producer, left, width, depth) << (right & BigInt(width - 1))) & ones(width)
        : ones(width);
    case 'add':
      return (
        below(possibleBits(producer, left, width, depth) + possibleBits(producer, right, width, depth)) &
        ones(width)
      );
    case 'mul':
      return below(
        largestProduct(
          width,
          possibleBits(producer, left, width, depth),
          possibleBits(producer, right, width, depth),
        ),
      );
    default:
      return ones(width);
  }
}

/** An upper bound of `operand`, unsigned, at `width`. */
export function largest(producer: Producer, operand: Operand, width: Width, depth = DEPTH): bigint {
  if (typeof operand === 'bigint') return operand & ones(width);
  if (depth <= 0) return ones(width);
  return producer.found === undefined
    ? findLargest(producer, operand, width, depth)
    : producer.found.largest.of(producer, operand, width, depth);
}

function findLargest(producer: Producer, operand: ValueId, width: Width, depth: number): bigint {
  const instruction = producer(operand);
  const received = instruction === undefined ? producer.received?.(operand) : undefined;
  if (received !== undefined) {
    let most = 0n;
    for (const each of received) most = larger(most, largest(producer, each, width, depth - PARAMETER_DEPTH));
    return most;
  }
  if (instruction?.op === 'zext' && !isForgotten(producer(instruction.value))) {
    return largest(producer, instruction.value, 32, depth - 1);
  }
  const bits = possibleBits(producer, operand, width, depth);
  if (instruction?.op !== 'binary' || (instruction.operator !== 'add' && instruction.operator !== 'mul')) {
    return bits;
  }
  const { left, right, operator, width: own } = instruction;
  const a = largest(producer, left, own, depth - 1);
  const b = largest(producer, right, own, depth - 1);
  return smaller(operator === 'add' ? a + b : largestProduct(own, a, b), bits);
}

/** A mask of the bits that are surely one in `operand`, used at `width`. */
function certainBits(producer: Producer, operand: Operand, width: Width, depth: number): bigint {
  if (typeof operand === 'bigint') {
    return operand & ones(width);
  }
  const instruction = depth <= 0 ? undefined : producer(operand);
  if (instruction?.op === 'zext') {
    return certainBits(producer, instruction.value, 32, depth - 1);
  }
  if (instruction?.op === 'trunc') {
    return certainBits(producer, instruction.value, 64, depth - 1) & ones(32);
  }
  if (instruction?.op !== 'binary') {
    return 0n;
  }
  const { operator, left, right, width: own } = instruction;
  const of = (inner: Operand): bigint => certainBits(producer, inner, own, depth - 1);
  const count = typeof right === 'bigint' ? right & BigInt(own - 1) : undefined;
  switch (operator) {
    case 'and':
      return of(left) & of(right);
    case 'or':
      return of(left) | of(right);
    case 'shl':
      return count === undefined ? 0n : (of(left) << count) & ones(own);
    case 'lshr':
      return count === undefined ? 0n : of(left) >> count;
    default:
      return 0n;
  }
}

/** Whether `possibleBits` finds none; where it finds some, this mostly is much sooner known. */
function isZero(producer: Producer, operand: Operand, width: Width, depth: number): boolean {
  if (typeof operand === 'bigint') return (operand & ones(width)) === 0n;
  if (depth <= 0) return false;
  const made = producer(operand);
  if (made === undefined) {
    const received = producer.received?.(operand);
    return received?.every((each) => isZero(producer, each, width, depth - PARAMETER_DEPTH)) ?? false;
  }
  if (made.op === 'binary') {
    const { operator, left, right, width: own } = made;
    if (operator === 'add' || operator === 'or' || operator === 'xor')
      return isZero(producer, right, own, depth - 1) && isZero(producer, left, own, depth - 1);
    if (
      operator === 'mul' &&
      !isZero(producer, right, own, depth - 1) &&
      !isZero(producer, left, own, depth - 1)
    )
      return false;
  }
  return possibleBits(producer, operand, width, depth) === 0n;
}

/** The value of `operand` where each of its bits is known. */
export function knownValue(producer: Producer, operand: Operand, width: Width): bigint | undefined {
  const certain = certainBits(producer, operand, width, DEPTH);
  if (certain === 0n) return isZero(producer, operand, width, DEPTH) ? 0n : undefined;
  const bits = possibleBits(producer, operand, width);
  return bits === 0n || bits === certain ? bits : undefined;
}
