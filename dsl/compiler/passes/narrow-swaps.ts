/**
 * Narrowing of byte swaps: of a swapped value that is read in part alone (behind a shift or a mask), only the bytes are
 * loaded that are read, and a single one needs no swap; and a mask goes that a swap behind it makes superfluous, since it
 * gives no more bits than it takes. After BSWAP's cases in DAGCombiner and in SimplifyDemandedBits of LLVM. The verifier
 * forgets a value's bounds by a swap, so a mask stays where it may have to know them.
 */
import { valuesWithBounds } from '../ir/addresses.ts';
import type { Bytes, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { resultOf } from '../ir/visit.ts';
import { bitLength, ones, swapBytes } from './arithmetic.ts';
import { FreshValues, producersOf, Replacements, rewrittenBlocks, useCounts, withBlocks } from './rewrite.ts';

type Of<Op extends Instruction['op']> = Extract<Instruction, { op: Op }>;
type Load = Of<'load'>;
type Swap = Of<'swap'>;
type Binary = Of<'binary'> & { readonly right: bigint };

const SIZES: readonly Bytes[] = [1, 2, 4];

const sizeFor = (bits: number): Bytes | undefined => SIZES.find((bytes) => 8 * bytes >= bits);

class Narrowing {
  private readonly producer;
  private readonly uses;
  private bounded: ReadonlySet<ValueId> | undefined;
  readonly fresh;
  readonly replaced = new Replacements();
  /** Loads that became others, by their results. */
  readonly narrow = new Map<ValueId, Load>();

  constructor(private readonly fn: IrFunction) {
    this.producer = producersOf(fn);
    this.uses = useCounts(fn);
    this.fresh = new FreshValues(fn);
  }

  /** Looked for only where a swap is met. */
  private isBounded(value: ValueId): boolean {
    this.bounded ??= valuesWithBounds(this.fn);
    return this.bounded.has(value);
  }

  private once(operand: Operand): Instruction | undefined {
    return this.uses.of(operand) === 1 ? this.producer(operand) : undefined;
  }

  private swapOf(operand: Operand): Swap | undefined {
    const made = this.once(operand);
    return made?.op === 'swap' && made.bits !== 64 ? made : undefined;
  }

  /** The load of all that is swapped, where nothing else reads it. */
  private loadOf({ value, bits }: Swap): Load | undefined {
    const made = this.once(value);
    if (made?.op !== 'load' || made.region === 'context' || made.pointer) return undefined;
    return made.bytes * 8 === bits && !this.narrow.has(made.result) ? made : undefined;
  }

  /** `bytes` of what `load` loads, from the one with number `at`, in network order. */
  private swapped(
    load: Load,
    at: number,
    bytes: Bytes,
    swap: Swap,
  ): Operand | readonly [Instruction, Operand] {
    const loaded = this.fresh.make(32);
    this.narrow.set(load.result, { ...load, bytes, offset: load.offset + at, result: loaded });
    if (bytes === 1) return loaded;
    const result = this.fresh.make(32);
    return [{ ...swap, bits: bytes === 2 ? 16 : 32, value: loaded, result }, result];
  }

  /** The high bits are the first bytes in memory. */
  private shifted(shift: Binary): readonly Instruction[] | undefined {
    const swap = this.swapOf(shift.left);
    const load = swap && this.loadOf(swap);
    if (swap === undefined || load === undefined || shift.right >= BigInt(swap.bits)) return undefined;
    const bytes = sizeFor(swap.bits - Number(shift.right));
    if (bytes === undefined || bytes >= load.bytes) return undefined;
    if (bytes > 1 && this.isBounded(shift.result)) return undefined;
    return this.behind(
      shift,
      this.swapped(load, 0, bytes, swap),
      shift.right - BigInt(swap.bits - 8 * bytes),
    );
  }

  /** The low bits are the last bytes in memory. */
  private masked(mask: Binary): readonly Instruction[] | undefined {
    const swap = this.swapOf(mask.left);
    const load = swap && this.loadOf(swap);
    const bytes = mask.right === 0n ? undefined : sizeFor(bitLength(mask.right));
    if (swap === undefined || load === undefined || bytes === undefined || bytes >= load.bytes)
      return undefined;
    const keepsAll = mask.right === ones(8 * bytes);
    if (bytes > 1 && keepsAll && this.isBounded(mask.result)) return undefined;
    const part = this.swapped(load, load.bytes - bytes, bytes, swap);
    return this.behind(mask, part, keepsAll ? 0n : mask.right);
  }

  /** The instruction on a part of what it read; it goes where it would change nothing. */
  private behind(
    binary: Binary,
    part: Operand | readonly [Instruction, Operand],
    right: bigint,
  ): readonly Instruction[] {
    const [before, left] = typeof part === 'object' ? [[part[0]], part[1]] : [[], part];
    if (right !== 0n) return [...before, { ...binary, left, right }];
    this.replaced.set(binary.result, left);
    return before;
  }

  /** `(swap(x) ^ c) & ones` as `swap(x ^ swap(c))`. */
  private turned(mask: Binary): readonly Instruction[] | undefined {
    const turn = this.once(mask.left);
    if (turn?.op !== 'binary' || turn.operator !== 'xor' || typeof turn.right !== 'bigint') return undefined;
    const swap = this.swapOf(turn.left);
    if (swap?.bits !== 16 || mask.right !== ones(16) || this.isBounded(mask.result)) return undefined;
    const result = this.fresh.make(32);
    const right = swapBytes(turn.right & ones(16), 16);
    return [
      { ...turn, left: swap.value, right, result },
      { ...swap, value: result, result: mask.result },
    ];
  }

  /** What stands for an instruction; undefined where it stays. */
  rewritten(instruction: Instruction): readonly Instruction[] | undefined {
    if (instruction.op !== 'binary' || instruction.width !== 32 || typeof instruction.right !== 'bigint')
      return undefined;
    if (instruction.operator !== 'lshr' && instruction.operator !== 'and') return undefined;
    const binary = { ...instruction, right: instruction.right };
    return binary.operator === 'lshr' ? this.shifted(binary) : (this.masked(binary) ?? this.turned(binary));
  }
}

export function narrowSwaps(fn: IrFunction): IrFunction {
  const narrowing = new Narrowing(fn);
  const blocks = rewrittenBlocks(fn.blocks, (instruction) => narrowing.rewritten(instruction));
  // The swaps and loads that nothing reads any more are left to dead code elimination.
  const withLoads = rewrittenBlocks(blocks, (instruction) => {
    const result = resultOf(instruction);
    const narrow = result === undefined ? undefined : narrowing.narrow.get(result);
    return narrow && [instruction, narrow];
  });
  return narrowing.replaced.in(withBlocks(fn, withLoads, narrowing.fresh.widths));
}
