/**
 * What the IR's scalar operations compute, on constants in canonical (unsigned) form: RFC 9669 section 4.1.
 * Used wherever the compiler evaluates at compile time.
 */
import type { BinaryOperator, Condition, Width } from '../ir/ir.ts';

/** The low `bits` of `value`, unsigned. */
export const unsigned = (value: bigint, bits: number): bigint => BigInt.asUintN(bits, value);
/** The low `bits` of `value` as a two's complement number. */
export const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value);
/** By width: bigints are dear to make, and these are asked for everywhere. */
const ONES: readonly bigint[] = Array.from({ length: 65 }, (_, bits) => (1n << BigInt(bits)) - 1n);
/** All ones at `bits`, 0 to 64. */
export const ones = (bits: number): bigint => ONES[bits] ?? (1n << BigInt(bits)) - 1n;

/** The number of bits up to the highest one; 0 of 0. */
export function bitLength(value: bigint): number {
  const high = value >> 32n;
  return high === 0n ? 32 - Math.clz32(Number(value)) : 32 + bitLength(high);
}

export function smaller(a: bigint, b: bigint): bigint {
  if (a < b) {
    return a;
  }
  return b;
}

export function larger(a: bigint, b: bigint): bigint {
  if (a > b) {
    return a;
  }
  return b;
}

/** `a operator b` with bits beyond `width`, of canonical operands. */
function evaluated(operator: BinaryOperator, width: Width, a: bigint, b: bigint): bigint {
  switch (operator) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'udiv':
      return b === 0n ? 0n : a / b;
    case 'sdiv':
      return b === 0n ? 0n : signed(a, width) / signed(b, width);
    case 'umod':
      return b === 0n ? a : a % b;
    case 'smod':
      return b === 0n ? a : signed(a, width) % signed(b, width);
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'shl':
      return a << (b & BigInt(width - 1));
    case 'lshr':
      return a >> (b & BigInt(width - 1));
    case 'ashr':
      return signed(a, width) >> (b & BigInt(width - 1));
  }
}

/** `left operator right` at `width`, canonical. */
export function evaluateBinary(operator: BinaryOperator, width: Width, left: bigint, right: bigint): bigint {
  return unsigned(evaluated(operator, width, unsigned(left, width), unsigned(right, width)), width);
}

/** Whether `left condition right` holds at `width`. */
export function evaluateCondition(condition: Condition, width: Width, left: bigint, right: bigint): boolean {
  const a = unsigned(left, width);
  const b = unsigned(right, width);
  switch (condition) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'ult':
      return a < b;
    case 'ule':
      return a <= b;
    case 'ugt':
      return a > b;
    case 'uge':
      return a >= b;
    case 'slt':
      return signed(a, width) < signed(b, width);
    case 'sle':
      return signed(a, width) <= signed(b, width);
    case 'sgt':
      return signed(a, width) > signed(b, width);
    case 'sge':
      return signed(a, width) >= signed(b, width);
    case 'test':
      return (a & b) !== 0n;
  }
}

/** The low `bits` of `value` with their bytes reversed. */
export function swapBytes(value: bigint, bits: 16 | 32 | 64): bigint {
  let rest = unsigned(value, bits);
  let swapped = 0n;
  for (let i = 0; i < bits; i += 8) {
    swapped = (swapped << 8n) | (rest & 0xffn);
    rest >>= 8n;
  }
  return swapped;
}
