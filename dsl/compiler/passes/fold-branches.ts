/**
 * Folding of branches: constants to the right, comparisons of widened or byte-swapped values on the values
 * themselves, and a mask and a test for 0 as one bit test. Part of the fold pass.
 */
import { type Instruction, type IrFunction, MIRRORED, type Operand, type Terminator } from '../ir/ir.ts';
import { ones, swapBytes } from './arithmetic.ts';
import { type Producer, possibleBits } from './known-bits.ts';
import type { FreshValues, UseCounts } from './rewrite.ts';

/** What folding knows of the function so far. */
export interface FoldFacts {
  readonly producer: Producer;
  readonly uses: UseCounts;
  readonly fresh: FreshValues;
  /** Values that nothing does but compare them with constants for equality. */
  readonly onlyCompared: ReadonlySet<Operand>;
}

/** Values whose every use is the left side of a branch on equality with a constant. */
export function onlyComparedIn(fn: IrFunction, uses: UseCounts): ReadonlySet<Operand> {
  const compared = new Map<Operand, number>();
  for (const { terminator } of fn.blocks) {
    if (terminator.op !== 'branch' || typeof terminator.right !== 'bigint') continue;
    const { condition, left } = terminator;
    if (condition === 'eq' || condition === 'ne') compared.set(left, (compared.get(left) ?? 0) + 1);
  }
  return new Set([...compared].flatMap(([value, count]) => (uses.of(value) === count ? [value] : [])));
}

export const usedOnce = ({ uses }: FoldFacts, operand: Operand): boolean => uses.of(operand) === 1;

export type Branch = Terminator & { readonly op: 'branch' };

/** The branch with its edges exchanged, on the opposite outcome. */
function exchanged(branch: Branch): Branch {
  const { likely, then, otherwise, ...rest } = branch;
  return { ...rest, then: otherwise, otherwise: then, ...(likely === undefined ? {} : { likely: !likely }) };
}

/** A branch, and what has to be computed in front of it. */
export interface FoldedBranch {
  readonly branch: Branch;
  readonly before: readonly Instruction[];
}

/**
 * A comparison of masked bytes in network order with a constant: `swap(x) & mask == c` where `x & swap(mask) ==
 * swap(c)`. The mask stays behind the swap everywhere else, since the verifier loses its bound by a swap.
 */
function unswapped(branch: Branch, mask: Instruction, facts: FoldFacts): FoldedBranch | undefined {
  const { producer, fresh } = facts;
  const { left, right } = branch;
  if (mask.op !== 'binary' || mask.operator !== 'and' || typeof mask.right !== 'bigint') {
    return undefined;
  }
  const swap = producer(mask.left);
  const swapped = swap?.op === 'swap' && usedOnce(facts, mask.left) && usedOnce(facts, left);
  if (!swapped || typeof right !== 'bigint' || right > ones(swap.bits)) {
    return undefined;
  }
  const result = fresh.make(mask.width);
  return {
    branch: { ...branch, left: result, right: swapBytes(right, swap.bits) },
    before: [
      { ...mask, left: swap.value, right: swapBytes(mask.right & ones(swap.bits), swap.bits), result },
    ],
  };
}

/** A simpler branch that goes the same ways; undefined where there is none. */
export function foldBranch(branch: Branch, facts: FoldFacts): FoldedBranch | undefined {
  const mask = facts.producer(branch.left);
  const isEquality = branch.condition === 'eq' || branch.condition === 'ne';
  const absorbed = mask !== undefined && isEquality ? unswapped(branch, mask, facts) : undefined;
  if (absorbed !== undefined) {
    return absorbed;
  }
  const simpler = simplerBranch(branch, facts);
  return simpler && { branch: simpler, before: [] };
}

function simplerBranch(branch: Branch, facts: FoldFacts): Branch | undefined {
  const { condition, width, left, right } = branch;
  const { producer } = facts;
  if (typeof left === 'bigint') {
    return typeof right === 'bigint'
      ? undefined
      : { ...branch, condition: MIRRORED[condition], left: right, right: left };
  }
  const inner = producer(left);
  if (width === 64 && inner?.op === 'zext' && !condition.startsWith('s')) {
    const other = producer(right);
    if (typeof right === 'bigint' ? right <= ones(32) : other?.op === 'zext') {
      const narrow = other?.op === 'zext' ? other.value : right;
      return { ...branch, width: 32, left: inner.value, right: narrow };
    }
  }
  if (typeof right !== 'bigint') {
    return undefined;
  }
  if ((condition === 'ult' && right === 1n) || (condition === 'ule' && right === 0n)) {
    return { ...branch, condition: 'eq', right: 0n };
  }
  if ((condition === 'ugt' && right === 0n) || (condition === 'uge' && right === 1n)) {
    return { ...branch, condition: 'ne', right: 0n };
  }
  if (condition !== 'eq' && condition !== 'ne') {
    return undefined;
  }
  // A byte-swapped value equals a constant when the value equals the swapped constant; it pays where the swap goes.
  if (inner?.op === 'swap' && right <= ones(inner.bits) && facts.onlyCompared.has(left)) {
    const bits = inner.bits === 64 ? 64 : 32;
    if (possibleBits(producer, inner.value, bits) <= ones(inner.bits)) {
      return { ...branch, left: inner.value, right: swapBytes(right, inner.bits) };
    }
  }
  if (inner?.op === 'binary' && inner.operator === 'and' && right === 0n && usedOnce(facts, left)) {
    const test: Branch = { ...branch, condition: 'test', left: inner.left, right: inner.right };
    return condition === 'ne' ? test : exchanged(test);
  }
  return undefined;
}
