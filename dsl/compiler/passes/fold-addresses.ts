/**
 * Constant parts of addresses move into the offsets of loads, stores and atomics: `base + (i + 512) * 8` is accessed at
 * `base + i * 8` with 4096 more in the offset. Muchnick (1997), section 12.3.1 on address expressions.
 *
 * Where a packet pointer is made, the constant is added last, so that the comparison and the accesses share the rest.
 *
 * The context's pointer stays as it is, as the verifier wants it, and of a packet pointer only a constant is moved:
 * what is added to it otherwise makes another pointer, which has a range only if it was the one compared
 * (kernel/bpf/verifier.c, adjust_ptr_min_max_vals).
 */
import type { Instruction, IrFunction, Operand, Width } from '../ir/ir.ts';
import { ones, signed } from './arithmetic.ts';
import { isPacketPointer } from './branch-facts.ts';
import { largest, type Producer } from './known-bits.ts';
import {
  FreshValues,
  producersOf,
  rewrittenBlocks,
  type UseCounts,
  useCounts,
  withBlocks,
} from './rewrite.ts';

type Access = Instruction & { readonly op: 'load' | 'store' | 'atomic' };

const MAX_OFFSET = 32_767n;

/** A value as a variable part, made by `build`, and a constant. */
interface Sum {
  readonly constant: bigint;
  readonly build: (emit: Emit) => Operand;
}

type Emit = (
  instruction: Instruction extends infer I
    ? I extends { result: number }
      ? Omit<I, 'result'>
      : never
    : never,
  width: Width,
) => Operand;

/** Splits the constant off a 64-bit index; undefined where there is none. */
function splitIndex(producer: Producer, operand: Operand): Sum | undefined {
  const made = producer(operand);
  if (made?.op === 'zext') {
    const narrow = producer(made.value);
    if (narrow?.op !== 'binary' || narrow.operator !== 'add' || typeof narrow.right !== 'bigint') {
      return undefined;
    }
    const { left, right } = narrow;
    // Only where the 32-bit sum can't wrap is it the 64-bit sum.
    return largest(producer, left, 32) + right <= ones(32)
      ? { constant: right, build: (emit) => emit({ op: 'zext', value: left }, 64) }
      : undefined;
  }
  if (made?.op !== 'binary' || typeof made.right !== 'bigint' || made.width !== 64) {
    return undefined;
  }
  const { left, right } = made;
  if (made.operator === 'add') {
    return { constant: signed(right, 64), build: () => left };
  }
  const inner = made.operator === 'shl' || made.operator === 'mul' ? splitIndex(producer, left) : undefined;
  if (inner === undefined) {
    return undefined;
  }
  const { operator } = made;
  const factor = operator === 'shl' ? 1n << right : right;
  return {
    constant: inner.constant * factor,
    build: (emit) => emit({ op: 'binary', operator, width: 64, left: inner.build(emit), right }, 64),
  };
}

/** Splits the constant off an address in `region`. */
function splitAddress(producer: Producer, access: Access): Sum | undefined {
  const made = producer(access.base);
  if (access.region === 'context' || made?.op !== 'binary' || made.operator !== 'add') {
    return undefined;
  }
  const { left, right } = made;
  if (typeof right === 'bigint') {
    return { constant: signed(right, 64), build: () => left };
  }
  const index = access.region === 'packet' ? undefined : splitIndex(producer, right);
  if (index === undefined) {
    return undefined;
  }
  return {
    constant: index.constant,
    build: (emit) => emit({ op: 'binary', operator: 'add', width: 64, left, right: index.build(emit) }, 64),
  };
}

/** `p + zext(v + c)` as `(p + zext(v)) + c`, for a packet pointer: all that is made from it shares the variable part. */
function withConstantLast(
  producer: Producer,
  add: Instruction & { readonly op: 'binary' },
  uses: UseCounts,
  fresh: FreshValues,
): readonly Instruction[] | undefined {
  const { left, right, result } = add;
  const wide = producer(right);
  const narrow = wide?.op === 'zext' ? producer(wide.value) : undefined;
  const single = wide?.op === 'zext' && uses.of(right) === 1 && uses.of(wide.value) === 1;
  if (!single || narrow === undefined || !isPacketPointer(producer, left)) return undefined;
  const index = splitIndex(producer, right);
  if (index === undefined) return undefined;
  const spanned = add.span === undefined ? {} : { span: add.span };
  const instructions: Instruction[] = [];
  const variable = index.build((made, width) => {
    const value = fresh.make(width);
    instructions.push({ ...made, ...spanned, result: value } as Instruction);
    return value;
  });
  const pointer = fresh.make(64);
  return [
    ...instructions,
    { ...add, right: variable, result: pointer },
    { ...add, left: pointer, right: index.constant, result },
  ];
}

export function foldAddresses(fn: IrFunction): IrFunction {
  const producer = producersOf(fn);
  const uses = useCounts(fn);
  const fresh = new FreshValues(fn);
  const rewrite = (instruction: Instruction): readonly Instruction[] | undefined => {
    if (instruction.op === 'binary' && instruction.operator === 'add' && instruction.width === 64) {
      return withConstantLast(producer, instruction, uses, fresh);
    }
    if (instruction.op !== 'load' && instruction.op !== 'store' && instruction.op !== 'atomic') {
      return undefined;
    }
    const sum = splitAddress(producer, instruction);
    const offset = (sum?.constant ?? 0n) + BigInt(instruction.offset);
    if (sum === undefined || sum.constant === 0n || offset < -MAX_OFFSET || offset > MAX_OFFSET) {
      return undefined;
    }
    const spanned = instruction.span === undefined ? {} : { span: instruction.span };
    const instructions: Instruction[] = [];
    const base = sum.build((made, width) => {
      const result = fresh.make(width);
      instructions.push({ ...made, ...spanned, result } as Instruction);
      return result;
    });
    return [...instructions, { ...instruction, base, offset: Number(offset) }];
  };
  return withBlocks(fn, rewrittenBlocks(fn.blocks, rewrite), fresh.widths);
}
