/** Interval arithmetic at fixed widths: a result that may wrap is any value of its type. */
import type { ArithmeticOperator, CompareOperator, IntType } from '../../tree/tree.ts';
import { fits, highest, lowest } from '../types/types.ts';
import { type Abstract, greatest, interval, least, truth } from './values.ts';

export interface Interval {
  readonly low: bigint;
  readonly high: bigint;
}

const all = (type: IntType): Interval => ({ low: lowest(type), high: highest(type) });

/** The interval where it fits the type, else the whole type. */
const bounded = (low: bigint, high: bigint, type: IntType): Interval =>
  fits(low, type) && fits(high, type) ? { low, high } : all(type);

function hull(values: readonly bigint[], type: IntType): Interval {
  const [first, ...rest] = values;
  if (first === undefined) return all(type);
  return bounded(rest.reduce(least, first), rest.reduce(greatest, first), type);
}

/** The largest number with as many bits as the larger of the two. */
const allOnes = (a: bigint, b: bigint): bigint => (1n << BigInt(greatest(a, b).toString(2).length)) - 1n;

function bitwise(operator: 'and' | 'or' | 'xor', a: Interval, b: Interval, type: IntType): Interval {
  if (operator === 'and') {
    const bounds = [a, b].filter((one) => one.low >= 0n).map((one) => one.high);
    const [first, second] = bounds;
    if (first === undefined) return all(type);
    return { low: 0n, high: second === undefined || first < second ? first : second };
  }
  if (a.low < 0n || b.low < 0n) return all(type);
  return bounded(0n, allOnes(a.high, b.high), type);
}

function shift(left: boolean, a: Interval, b: Interval, type: IntType): Interval {
  if (b.low < 0n || b.high >= BigInt(type.bits))
    return a.low >= 0n && !left ? { low: 0n, high: a.high } : all(type);
  if (left) return a.low < 0n ? all(type) : bounded(a.low << b.low, a.high << b.high, type);
  return { low: a.low >> (a.low < 0n ? b.low : b.high), high: a.high >> (a.high < 0n ? b.high : b.low) };
}

function calculate(operator: ArithmeticOperator, a: Interval, b: Interval, type: IntType): Interval {
  switch (operator) {
    case 'add':
      return bounded(a.low + b.low, a.high + b.high, type);
    case 'sub':
      return bounded(a.low - b.high, a.high - b.low, type);
    case 'mul':
      return hull([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high], type);
    case 'div':
    case 'mod':
      // The verifier knows nothing of quotients and remainders (adjust_scalar_min_max_vals, kernel/bpf/verifier.c).
      return all(type);
    case 'shl':
    case 'shr':
      return shift(operator === 'shl', a, b, type);
    default:
      return bitwise(operator, a, b, type);
  }
}

export function arithmetic(operator: ArithmeticOperator, a: Interval, b: Interval, type: IntType): Abstract {
  const { low, high } = calculate(operator, a, b, type);
  return interval(low, high);
}

/** A conversion: the same values where they fit. */
export function converted(a: Interval, type: IntType): Abstract {
  const { low, high } = bounded(a.low, a.high, type);
  return interval(low, high);
}

/** The part of `a` that stands in the relation to some value of `b`; undefined when there is none. */
export function restrict(operator: CompareOperator, a: Interval, b: Interval): Interval | undefined {
  let { low, high } = a;
  const atMost = (limit: bigint) => {
    if (limit < high) high = limit;
  };
  const atLeast = (limit: bigint) => {
    if (limit > low) low = limit;
  };
  if (operator === 'lt') atMost(b.high - 1n);
  if (operator === 'le') atMost(b.high);
  if (operator === 'gt') atLeast(b.low + 1n);
  if (operator === 'ge') atLeast(b.low);
  if (operator === 'eq') {
    atLeast(b.low);
    atMost(b.high);
  }
  if (operator === 'ne' && b.low === b.high) {
    if (low === b.low) low += 1n;
    if (high === b.low) high -= 1n;
  }
  return low <= high ? { low, high } : undefined;
}

export const OPPOSITE = { eq: 'ne', ne: 'eq', lt: 'ge', ge: 'lt', le: 'gt', gt: 'le' } as const;
/** The relation with its sides exchanged. */
export const MIRRORED = { eq: 'eq', ne: 'ne', lt: 'gt', gt: 'lt', le: 'ge', ge: 'le' } as const;

export const compared = (operator: CompareOperator, a: Interval, b: Interval): Abstract =>
  truth(restrict(operator, a, b) !== undefined, restrict(OPPOSITE[operator], a, b) !== undefined);
