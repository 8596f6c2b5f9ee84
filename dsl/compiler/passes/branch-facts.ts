/**
 * Which comparisons facts decide. It infers no more than the kernel's verifier does on the same path
 * (kernel/bpf/verifier.c, reg_set_min_max and find_good_pkt_pointers), so that leaving out a decided check loses nothing
 * the verifier needs.
 */
import { type Condition, MIRRORED, type Operand } from '../ir/ir.ts';
import { evaluateCondition, larger, ones, smaller } from './arithmetic.ts';
import type { Comparison, Facts } from './facts.ts';
import { largest, type Producer } from './known-bits.ts';

/** Orders of two numbers that satisfy a condition: less, equal, greater as bits, for one signedness. */
const LESS = 1;
const EQUAL = 2;
const GREATER = 4;
const ANY = LESS | EQUAL | GREATER;

const UNSIGNED: Readonly<Record<Condition, number>> = {
  eq: EQUAL,
  ne: LESS | GREATER,
  ult: LESS,
  ule: LESS | EQUAL,
  ugt: GREATER,
  uge: GREATER | EQUAL,
  slt: ANY,
  sle: ANY,
  sgt: ANY,
  sge: ANY,
  test: ANY,
};
const SIGNED: Readonly<Record<Condition, number>> = {
  ...UNSIGNED,
  ult: ANY,
  ule: ANY,
  ugt: ANY,
  uge: ANY,
  slt: LESS,
  sle: LESS | EQUAL,
  sgt: GREATER,
  sge: GREATER | EQUAL,
};

/** Whether `possible` orders are all `wanted`, or none is. */
function within(possible: number, wanted: number): boolean | undefined {
  if (wanted === ANY) return undefined;
  if ((possible & ~wanted) === 0) return true;
  return (possible & wanted) === 0 ? false : undefined;
}

/** What facts about the same two operands say. */
function byOrder({ condition, width, left, right }: Comparison, facts: Facts): boolean | undefined {
  let asUnsigned = left === right ? EQUAL : ANY;
  let asSigned = asUnsigned;
  for (let known = facts; known !== undefined; known = known.farther) {
    const { fact } = known;
    const isSame = fact.left === left && fact.right === right;
    if (fact.width !== width || !(isSame || (fact.left === right && fact.right === left))) continue;
    const holds = isSame ? fact.condition : MIRRORED[fact.condition];
    asUnsigned &= UNSIGNED[holds];
    asSigned &= SIGNED[holds];
  }
  return within(asUnsigned, UNSIGNED[condition]) ?? within(asSigned, SIGNED[condition]);
}

/** What unsigned bounds of the left operand say when the right one is a constant. */
function byRange(test: Comparison, right: bigint, facts: Facts, producer: Producer): boolean | undefined {
  const { left, width, condition } = test;
  const range = producer.range?.(left);
  let low = range?.low ?? 0n;
  let high = smaller(range?.high ?? ones(width), largest(producer, left, width));
  let isExcluded = false;
  for (let known = facts; known !== undefined; known = known.farther) {
    const { fact } = known;
    const bound = fact.right;
    if (fact.left !== left || fact.width !== width || typeof bound !== 'bigint') continue;
    switch (fact.condition) {
      case 'eq':
        low = larger(low, bound);
        high = smaller(high, bound);
        break;
      case 'ne':
        isExcluded ||= bound === right;
        break;
      case 'ult':
        high = smaller(high, bound - 1n);
        break;
      case 'ule':
        high = smaller(high, bound);
        break;
      case 'ugt':
        low = larger(low, bound + 1n);
        break;
      case 'uge':
        low = larger(low, bound);
        break;
      default:
        break;
    }
  }
  if (low > high) return undefined;
  const isOutside = right < low || right > high || isExcluded;
  switch (condition) {
    case 'eq':
      return isOutside ? false : low === high ? true : undefined;
    case 'ne':
      return isOutside ? true : low === high ? false : undefined;
    case 'test':
    case 'slt':
    case 'sle':
    case 'sgt':
    case 'sge':
      // Signed order is unsigned order where the sign bit is surely clear.
      if (condition === 'test' || high > ones(width - 1) || right > ones(width - 1)) return undefined;
      break;
    default:
      break;
  }
  const atLow = evaluateCondition(condition, width, low, right);
  return atLow === evaluateCondition(condition, width, high, right) ? atLow : undefined;
}

/** `operand` as a base and a constant added to it. */
function split(producer: Producer, operand: Operand): { readonly base: Operand; readonly offset: bigint } {
  const made = producer(operand);
  return made?.op === 'binary' && made.operator === 'add' && typeof made.right === 'bigint'
    ? { base: made.left, offset: BigInt.asIntN(64, made.right) }
    : { base: operand, offset: 0n };
}

/** Whether `operand` is the packet's start, or that plus something; such sums never wrap. */
export function isPacketPointer(producer: Producer, operand: Operand): boolean {
  const made = producer(operand);
  if (made?.op === 'load') {
    return made.pointer === true;
  }
  return made?.op === 'binary' && made.operator === 'add' && isPacketPointer(producer, made.left);
}

/** A bounds check that a larger one of the same pointer implies, or whose failure a smaller one's implies. */
function byPacketRange(test: Comparison, facts: Facts, producer: Producer): boolean | undefined {
  if (test.condition !== 'ule' || test.width !== 64) {
    return undefined;
  }
  const wanted = split(producer, test.left);
  if (!isPacketPointer(producer, wanted.base)) {
    return undefined;
  }
  for (let at = facts; at !== undefined; at = at.farther) {
    const { fact } = at;
    if (fact.width !== 64 || fact.right !== test.right) {
      continue;
    }
    const known = split(producer, fact.left);
    if (known.base !== wanted.base) {
      continue;
    }
    if (fact.condition === 'ule' && wanted.offset <= known.offset) {
      return true;
    }
    if (fact.condition === 'ugt' && wanted.offset >= known.offset) {
      return false;
    }
  }
  return undefined;
}

/** Whether `operand` is an address, which is never 0. */
export function isAddress(producer: Producer, operand: Operand): boolean {
  const made = producer(operand);
  switch (made?.op) {
    case 'stackAddress':
    case 'sectionAddress':
    case 'mapAddress':
    case 'functionAddress':
      return true;
    case 'load':
      return made.pointer === true;
    case 'binary':
      return made.operator === 'add' && made.width === 64 && isAddress(producer, made.left);
    default:
      return false;
  }
}

/** Whether `test` holds, given `facts`; undefined where they don't say. */
export function decide(test: Comparison, facts: Facts, producer: Producer): boolean | undefined {
  const { condition, width, left, right } = test;
  if (typeof left === 'bigint') {
    return typeof right === 'bigint'
      ? evaluateCondition(condition, width, left, right)
      : decide({ condition: MIRRORED[condition], width, left: right, right: left }, facts, producer);
  }
  const isNullCheck = right === 0n && width === 64 && (condition === 'eq' || condition === 'ne');
  if (isNullCheck && isAddress(producer, left)) {
    return condition === 'ne';
  }
  return (
    byOrder(test, facts) ??
    (typeof right === 'bigint' ? byRange(test, right, facts, producer) : undefined) ??
    byPacketRange(test, facts, producer)
  );
}
