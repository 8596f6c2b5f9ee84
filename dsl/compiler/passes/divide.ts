/**
 * Unsigned division and modulo by a constant as a multiplication and a shift. Granlund and Montgomery, "Division by
 * Invariant Integers using Multiplication" (PLDI 1994), with the 64-bit product that BPF has for 32-bit operands.
 */
import type { Instruction, IrFunction, Operand, Width } from '../ir/ir.ts';
import { bitLength } from './arithmetic.ts';
import { largest } from './known-bits.ts';
import { FreshValues, producersOf, rewrittenBlocks, withBlocks } from './rewrite.ts';

type Division = Instruction & { readonly op: 'binary' };

/**
 * The multiplier and shift with `x / divisor == (x * multiplier) >> shift` for every x of `bits` bits, the product
 * within 64 bits; undefined where there is none.
 */
export function reciprocal(
  divisor: bigint,
  bits: number,
): { readonly multiplier: bigint; readonly shift: number } | undefined {
  for (let shift = bits; shift < 2 * bits + 1; shift += 1) {
    const power = 1n << BigInt(shift);
    const multiplier = power / divisor + 1n;
    // Theorem 4.2: exact when multiplier * divisor - 2^shift <= 2^(shift - bits).
    if (multiplier * divisor - power <= 1n << BigInt(shift - bits)) {
      return bitLength(multiplier) + bits <= 64 && shift < 64 ? { multiplier, shift } : undefined;
    }
  }
  return undefined;
}

const isPowerOfTwo = (value: bigint): boolean => (value & (value - 1n)) === 0n;

export function divideByMultiplying(fn: IrFunction): IrFunction {
  const producer = producersOf(fn);
  const fresh = new FreshValues(fn);

  const expand = (division: Division, divisor: bigint): readonly Instruction[] | undefined => {
    const { operator, width, left, result } = division;
    const numerator = largest(producer, left, width);
    const even =
      divisor % 2n === 0n ? divisor.toString(2).length - divisor.toString(2).lastIndexOf('1') - 1 : 0;
    const bits = bitLength(numerator);
    // An even divisor may take a shift first, which leaves a smaller numerator.
    const plan = [0, even]
      .map((before) => ({ before, found: reciprocal(divisor >> BigInt(before), bits - before) }))
      .find(({ found }) => found !== undefined);
    if (plan?.found === undefined) {
      return undefined;
    }
    const { before, found } = plan;
    const spanned = division.span === undefined ? {} : { span: division.span };
    const instructions: Instruction[] = [];
    const binary = (
      name: Division['operator'],
      at: Width,
      a: Operand,
      b: Operand,
      to = fresh.make(at),
    ): Operand => {
      instructions.push({
        op: 'binary',
        operator: name,
        width: at,
        left: a,
        right: b,
        result: to,
        ...spanned,
      });
      return to;
    };
    let wide = before === 0 ? left : binary('lshr', width, left, BigInt(before));
    if (width === 32) {
      const extended = fresh.make(64);
      instructions.push({ op: 'zext', result: extended, value: wide, ...spanned });
      wide = extended;
    }
    const product = binary('mul', 64, wide, found.multiplier);
    const isQuotient = operator === 'udiv';
    let quotient = binary(
      'lshr',
      64,
      product,
      BigInt(found.shift),
      isQuotient && width === 64 ? result : undefined,
    );
    if (width === 32) {
      const narrow = isQuotient ? result : fresh.make(32);
      instructions.push({ op: 'trunc', result: narrow, value: quotient, ...spanned });
      quotient = narrow;
    }
    if (!isQuotient) {
      binary('sub', width, left, binary('mul', width, quotient, divisor), result);
    }
    return instructions;
  };

  const rewrite = (instruction: Instruction): readonly Instruction[] | undefined => {
    if (
      instruction.op !== 'binary' ||
      (instruction.operator !== 'udiv' && instruction.operator !== 'umod') ||
      typeof instruction.right !== 'bigint' ||
      instruction.right < 3n ||
      isPowerOfTwo(instruction.right)
    ) {
      return undefined;
    }
    return expand(instruction, instruction.right);
  };

  return withBlocks(fn, rewrittenBlocks(fn.blocks, rewrite), fresh.widths);
}
