/**
 * Constant folding, algebraic identities and strength reduction, one instruction or branch at a time. Muchnick (1997),
 * sections 12.1 to 12.3. Constants go to the right. A packet pointer's variable part is never regrouped: the verifier
 * gives a range to the very pointer that was compared.
 */
import { blocksInOrder } from '../ir/analysis.ts';
import { ByBlock } from '../ir/by-block.ts';
import type { BinaryOperator, Block, Instruction, IrFunction, Operand } from '../ir/ir.ts';
import { mapOperands, mapTerminatorOperands, mapUnlessSame, resultOf, unlessSame } from '../ir/visit.ts';
import { bitLength, evaluateBinary, ones, signed, swapBytes, unsigned } from './arithmetic.ts';
import { type FoldedBranch, type FoldFacts, foldBranch, onlyComparedIn } from './fold-branches.ts';
import { knownValue, possibleBits } from './known-bits.ts';
import {
  FreshValues,
  producerFrom,
  Replacements,
  replacedEverywhere,
  useCounts,
  withBlocks,
  withBody,
} from './rewrite.ts';

type Binary = Instruction & { readonly op: 'binary' };

/** What an instruction turns into: an operand that its result stands for, or instructions that end in its result. */
type Folded = { readonly operand: Operand } | { readonly instructions: readonly Instruction[] };

const COMMUTATIVE: ReadonlySet<BinaryOperator> = new Set(['add', 'mul', 'and', 'or', 'xor']);

/** `0 op x = 0`. */
const ANNIHILATED: ReadonlySet<BinaryOperator> = new Set([
  ...(['shl', 'lshr', 'ashr', 'udiv', 'sdiv', 'umod', 'smod'] as const),
]);

/** `(x op c1) op c2 = x op (c1 op c2)`. */
const ASSOCIATIVE: ReadonlySet<BinaryOperator> = new Set(['add', 'mul', 'and', 'or', 'xor']);

/** The exponent, if `value` is a power of two. */
function exponentOf(value: bigint): bigint | undefined {
  return value > 0n && (value & (value - 1n)) === 0n ? BigInt(bitLength(value) - 1) : undefined;
}

/** Identities with a constant on the right. */
function withConstant(binary: Binary, right: bigint, facts: FoldFacts): Folded | undefined {
  const { operator, width, left } = binary;
  const all = ones(width);
  const count = right & BigInt(width - 1);
  const as = (change: Partial<Binary>): Folded => ({ instructions: [{ ...binary, ...change }] });
  switch (operator) {
    case 'add':
    case 'or':
    case 'xor':
      if (right === 0n) {
        return { operand: left };
      }
      return operator === 'or' && right === all ? { operand: all } : undefined;
    case 'sub':
      return right === 0n ? { operand: left } : as({ operator: 'add', right: unsigned(-right, width) });
    case 'shl':
    case 'lshr':
    case 'ashr':
      if (count === 0n) {
        return { operand: left };
      }
      return count === right ? undefined : as({ right: count });
    case 'mul': {
      if (right === 0n) {
        return { operand: 0n };
      }
      const exponent = exponentOf(right);
      return exponent === undefined ? undefined : as({ operator: 'shl', right: exponent });
    }
    case 'udiv': {
      if (right === 0n) {
        return { operand: 0n };
      }
      const exponent = exponentOf(right);
      return exponent === undefined ? undefined : as({ operator: 'lshr', right: exponent });
    }
    case 'umod': {
      if (right === 0n) {
        return { operand: left };
      }
      return exponentOf(right) === undefined ? undefined : as({ operator: 'and', right: right - 1n });
    }
    case 'sdiv':
      return right === 0n ? { operand: 0n } : right === 1n ? { operand: left } : undefined;
    case 'smod':
      return right === 0n ? { operand: left } : right === 1n ? { operand: 0n } : undefined;
    case 'and':
      return maskedBy(binary, right, facts);
  }
}

/** A mask that changes nothing goes. One that the verifier needs stays: possibleBits knows no more than it does. */
function maskedBy(binary: Binary, mask: bigint, facts: FoldFacts): Folded | undefined {
  const { width, left } = binary;
  const bits = possibleBits(facts.producer, left, width);
  if ((bits & ~mask) === 0n) {
    return { operand: left };
  }
  if ((bits & mask) === 0n) {
    return { operand: 0n };
  }
  // What only turns bits around that the mask drops may turn those that it keeps alone.
  const inner = facts.producer(left);
  const turned =
    inner?.op === 'binary' && inner.operator === 'xor' && inner.width === width ? inner : undefined;
  if (turned !== undefined && typeof turned.right === 'bigint') {
    return (possibleBits(facts.producer, turned.left, width) & ~mask) === 0n
      ? { instructions: [{ ...binary, operator: 'xor', left: turned.left, right: turned.right & mask }] }
      : undefined;
  }
  return undefined;
}

/** Two operations with constants in a row become one. */
function regrouped(binary: Binary, right: bigint, { producer }: FoldFacts): Folded | undefined {
  const { operator, width, left } = binary;
  const inner = producer(left);
  if (inner?.op !== 'binary' || inner.operator !== operator || inner.width !== width) {
    return undefined;
  }
  if (typeof inner.right !== 'bigint') {
    return undefined;
  }
  const as = (constant: bigint): Folded => ({
    instructions: [{ ...binary, left: inner.left, right: constant }],
  });
  if (ASSOCIATIVE.has(operator)) {
    return as(evaluateBinary(operator, width, inner.right, right));
  }
  if (operator === 'shl' || operator === 'lshr') {
    const count = inner.right + right;
    return count < BigInt(width) ? as(count) : { operand: 0n };
  }
  return undefined;
}

/** Masks up to this are an immediate of 64-bit instructions, too. */
const LARGEST_MASK = ones(31);

/**
 * A field that is shifted down, masked and shifted up again, as an index into an array is, is shifted once:
 * `((x >> a) & m) << b = (x >> (a - b)) & (m << b)`. It may be widened after its mask, and be the low half of `x`.
 */
function shiftedOnce(binary: Binary, facts: FoldFacts): Folded | undefined {
  const { producer, uses } = facts;
  const { operator, width, left, right: up, span } = binary;
  if (operator !== 'shl' || typeof up !== 'bigint' || uses.of(left) !== 1) return undefined;
  const widened = producer(left);
  const field = widened?.op === 'zext' ? widened.value : left;
  const masked = producer(field);
  if (masked?.op !== 'binary' || masked.operator !== 'and' || uses.of(field) !== 1) return undefined;
  const outer = producer(masked.left);
  const shifted = outer?.op === 'trunc' ? producer(outer.value) : outer;
  if (shifted?.op !== 'binary' || shifted.operator !== 'lshr') return undefined;
  const down = shifted.right;
  if (typeof down !== 'bigint' || down < up || down >= BigInt(shifted.width)) return undefined;
  if (typeof masked.right !== 'bigint') return undefined;
  // What the shift down has brought in is zero.
  const mask = (masked.right & (ones(shifted.width) >> down)) << up;
  if (mask > LARGEST_MASK) return undefined;
  if (shifted.width > width) return undefined;
  const spanned = span === undefined ? {} : { span };
  const before: Instruction[] = [];
  let value = shifted.left;
  if (shifted.width < width) {
    const low = producer(value);
    if (low?.op === 'trunc') {
      // The mask drops the upper half.
      value = low.value;
    } else {
      const narrow = value;
      value = facts.fresh.make(width);
      before.push({ op: 'zext', value: narrow, result: value, ...spanned });
    }
  }
  const moved = facts.fresh.make(width);
  const shift = { op: 'binary', operator: 'lshr', width, left: value, right: down - up, ...spanned } as const;
  return {
    instructions: [
      ...before,
      { ...shift, result: moved },
      { ...binary, operator: 'and', left: moved, right: mask },
    ],
  };
}

function foldBinary(binary: Binary, facts: FoldFacts): Folded | undefined {
  const { operator, width, left, right } = binary;
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    return { operand: evaluateBinary(operator, width, left, right) };
  }
  if (typeof left === 'bigint' && COMMUTATIVE.has(operator)) {
    return { instructions: [{ ...binary, left: right, right: left }] };
  }
  if (left === 0n && ANNIHILATED.has(operator)) {
    return { operand: 0n };
  }
  if (left === right) {
    if (operator === 'sub' || operator === 'xor') {
      return { operand: 0n };
    }
    return operator === 'and' || operator === 'or' ? { operand: left } : undefined;
  }
  if (typeof left === 'bigint' && operator === 'sub') {
    // No bit borrows where every one that may be taken off is there.
    return (possibleBits(facts.producer, right, width) & ~left) === 0n
      ? { instructions: [{ ...binary, operator: 'xor', left: right, right: left }] }
      : undefined;
  }
  return typeof right === 'bigint'
    ? (withConstant(binary, right, facts) ?? regrouped(binary, right, facts) ?? shiftedOnce(binary, facts))
    : undefined;
}

function foldExtension(
  instruction: Instruction & { op: 'zext' | 'trunc' | 'sext' },
  facts: FoldFacts,
): Folded | undefined {
  const { value } = instruction;
  const { producer } = facts;
  const inner = producer(value);
  switch (instruction.op) {
    case 'zext':
      if (typeof value === 'bigint') {
        return { operand: value };
      }
      return inner?.op === 'trunc' && possibleBits(producer, inner.value, 64) <= ones(32)
        ? { operand: inner.value }
        : undefined;
    case 'trunc':
      if (typeof value === 'bigint') {
        return { operand: unsigned(value, 32) };
      }
      return inner?.op === 'zext' ? { operand: inner.value } : undefined;
    case 'sext': {
      const { from, width, result } = instruction;
      if (typeof value === 'bigint') {
        return { operand: unsigned(signed(value, from), width) };
      }
      if (facts.fresh.widths[value] !== 32 || possibleBits(producer, value, 32) >= 1n << BigInt(from - 1)) {
        return undefined;
      }
      const spanned = instruction.span === undefined ? {} : { span: instruction.span };
      return width === 32
        ? { operand: value }
        : { instructions: [{ op: 'zext', value, result, ...spanned }] };
    }
  }
}

function foldSwap(swap: Instruction & { op: 'swap' }, { producer }: FoldFacts): Folded | undefined {
  const { bits, value } = swap;
  if (typeof value === 'bigint') {
    return { operand: swapBytes(value, bits) };
  }
  const inner = producer(value);
  const whole =
    inner?.op === 'swap' &&
    inner.bits === bits &&
    possibleBits(producer, inner.value, bits === 64 ? 64 : 32) <= ones(bits);
  return whole ? { operand: inner.value } : undefined;
}

function foldInstruction(instruction: Instruction, facts: FoldFacts): Folded | undefined {
  switch (instruction.op) {
    case 'binary':
      return foldBinary(instruction, facts);
    case 'zext':
    case 'trunc':
    case 'sext':
      return foldExtension(instruction, facts);
    case 'swap':
      return foldSwap(instruction, facts);
    default:
      return undefined;
  }
}

/** What control reaches in reverse postorder, with all else behind the entry. */
function withUnreachable(fn: IrFunction): readonly Block[] {
  const [entry, ...others] = blocksInOrder(fn);
  if (entry === undefined || others.length + 1 === fn.blocks.length) return blocksInOrder(fn);
  const reached = new Set(blocksInOrder(fn));
  return [entry, ...fn.blocks.filter((block) => !reached.has(block)), ...others];
}

export function fold(fn: IrFunction): IrFunction {
  const made = new Array<Instruction | undefined>(fn.widths.length);
  const replaced = new Replacements();
  const fresh = new FreshValues(fn);
  const uses = useCounts(fn);
  const facts: FoldFacts = {
    producer: producerFrom(made, fn),
    uses,
    fresh,
    onlyCompared: onlyComparedIn(fn, uses),
  };
  const folded = new ByBlock<Block>(fn);
  for (const block of withUnreachable(fn)) {
    const instructions: Instruction[] = [];
    for (const original of block.instructions) {
      let current = mapOperands(original, replaced.resolve);
      let result = foldInstruction(current, facts);
      for (; result !== undefined && 'instructions' in result; result = foldInstruction(current, facts)) {
        const [last = current, ...before] = result.instructions.toReversed();
        for (const instruction of before.reverse()) {
          instructions.push(instruction);
          remember(made, instruction);
        }
        current = last;
      }
      const defined = resultOf(current);
      if (result !== undefined && defined !== undefined) {
        replaced.set(defined, result.operand);
        continue;
      }
      remember(made, current);
      const known =
        defined !== undefined && current.op === 'binary'
          ? knownValue(facts.producer, defined, current.width)
          : undefined;
      if (defined !== undefined && known !== undefined) {
        replaced.set(defined, known);
      } else {
        instructions.push(current);
      }
    }
    let terminator = mapTerminatorOperands(block.terminator, replaced.resolve);
    for (let next: FoldedBranch | undefined; terminator.op === 'branch'; terminator = next.branch) {
      next = foldBranch(terminator, facts);
      if (next === undefined) {
        break;
      }
      for (const instruction of next.before) {
        instructions.push(instruction);
        remember(made, instruction);
      }
    }
    folded.set(block.id, withBody(block, unlessSame(block.instructions, instructions), terminator));
  }
  const blocks = mapUnlessSame(fn.blocks, (block) => folded.get(block.id) ?? block);
  return replacedEverywhere(replaced, withBlocks(fn, blocks, fresh.widths));
}

function remember(made: (Instruction | undefined)[], instruction: Instruction): void {
  const result = resultOf(instruction);
  if (result !== undefined) made[result] = instruction;
}
