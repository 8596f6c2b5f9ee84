/**
 * Load combining: bytes that are loaded apart and put together with shifts and `or` come from one load, with a byte swap
 * where they lie in the other order. After DAGCombiner::MatchLoadCombine in LLVM. Only of the packet and of map values,
 * where every machine that natra runs on lets BPF read at any address; the stack and the context want their alignment.
 */
import type { Bytes, Instruction, IrFunction, Operand, Region, Width } from '../ir/ir.ts';
import { resultOf } from '../ir/visit.ts';
import { movesPacket, writes } from './effects.ts';
import type { Producer } from './known-bits.ts';
import {
  FreshValues,
  producersOf,
  rewrittenBlocks,
  type UseCounts,
  useCounts,
  withBlocks,
} from './rewrite.ts';

type Load = Instruction & { readonly op: 'load' };

/** A byte of a value: one that is loaded, or 0. */
type Provided = { readonly load: Load; readonly at: number } | 'zero';

const REGIONS: ReadonlySet<Region> = new Set(['packet', 'map']);
/** Bounds the recursion; eight bytes put together one by one take sixteen steps. */
const DEPTH = 20;

interface Function {
  readonly producer: Producer;
  readonly uses: UseCounts;
  readonly widths: readonly Width[];
}

/** Where byte `index` of `operand`, the lowest being 0, comes from; undefined where that is no single loaded byte. */
function provider(fn: Function, operand: Operand, index: number, depth: number): Provided | undefined {
  if (typeof operand === 'bigint') {
    return ((operand >> BigInt(8 * index)) & 0xffn) === 0n ? 'zero' : undefined;
  }
  const made = depth === 0 ? undefined : fn.producer(operand);
  // What something else needs too stays, and combining would only add to it.
  if (made === undefined || fn.uses.of(operand) !== 1) return undefined;
  const of = (inner: Operand, at: number): Provided | undefined => provider(fn, inner, at, depth - 1);
  switch (made.op) {
    case 'load':
      if (made.pointer || !REGIONS.has(made.region)) return undefined;
      return index < made.bytes ? { load: made, at: index } : 'zero';
    case 'zext':
      return index < 4 ? of(made.value, index) : 'zero';
    case 'trunc':
      return of(made.value, index);
    case 'swap':
      return index < made.bits / 8 ? of(made.value, made.bits / 8 - 1 - index) : 'zero';
    case 'binary':
      break;
    default:
      return undefined;
  }
  const { operator, left, right, width } = made;
  if (operator === 'or') {
    const [first, second] = [of(left, index), of(right, index)];
    if (first === 'zero') return second;
    return second === 'zero' ? first : undefined;
  }
  if (typeof right !== 'bigint') return undefined;
  if (operator === 'and') {
    const mask = (right >> BigInt(8 * index)) & 0xffn;
    return mask === 0n ? 'zero' : mask === 0xffn ? of(left, index) : undefined;
  }
  if (right % 8n !== 0n || right >= BigInt(width)) return undefined;
  const count = Number(right) / 8;
  if (operator === 'shl') return index < count ? 'zero' : of(left, index - count);
  if (operator === 'lshr') return index + count < width / 8 ? of(left, index + count) : 'zero';
  return undefined;
}

interface Combined {
  readonly load: Load;
  readonly isSwapped: boolean;
  /** All that it stands for. */
  readonly loads: ReadonlySet<Load>;
}

const placeOf = ({ load, at }: Exclude<Provided, 'zero'>): number => load.offset + at;

/** One load for all bytes of the value that `root` makes; undefined where there is none. */
function combined(fn: Function, root: Instruction & { readonly op: 'binary' }): Combined | undefined {
  const { left, right, width, result } = root;
  // The root's own number of uses doesn't matter.
  const byteOf = (index: number): Provided | undefined => {
    const [first, second] = [provider(fn, left, index, DEPTH), provider(fn, right, index, DEPTH)];
    if (first === 'zero') return second;
    return second === 'zero' ? first : undefined;
  };
  const all = Array.from({ length: width / 8 }, (_, index) => byteOf(index));
  const size = all.findLastIndex((byte) => byte !== 'zero') + 1;
  const bytes = all.slice(0, size).filter((byte) => byte !== undefined && byte !== 'zero');
  const [lowest] = bytes;
  if (lowest === undefined || bytes.length !== size || ![2, 4, 8].includes(size)) return undefined;
  const { base, region } = lowest.load;
  if (bytes.some(({ load }) => load.base !== base || load.region !== region)) return undefined;
  const loads = new Set(bytes.map(({ load }) => load));
  if (loads.size < 2) return undefined;
  const places = bytes.map(placeOf);
  const step = (places[1] ?? 0) - (places[0] ?? 0);
  const isRun = places.every((place, index) => place === (places[0] ?? 0) + index * step);
  if (!isRun || Math.abs(step) !== 1) return undefined;
  const isSwapped = step < 0;
  const offset = Math.min(...places);
  return { load: { ...lowest.load, bytes: size as Bytes, offset, result }, isSwapped, loads };
}

/** Whether nothing between the loads and `end` in `block` changes what they read. */
function areUndisturbed(block: readonly Instruction[], loads: ReadonlySet<Load>, end: number): boolean {
  const start = block.findIndex((instruction) => loads.has(instruction as Load));
  const before = block.slice(start, end);
  const [first] = loads;
  return (
    start >= 0 &&
    before.filter((instruction) => loads.has(instruction as Load)).length === loads.size &&
    first !== undefined &&
    !before.some((made) => movesPacket(made) || writes(made).includes(first.region))
  );
}

export function combineLoads(original: IrFunction): IrFunction {
  const producer = producersOf(original);
  const fresh = new FreshValues(original);
  const fn = { producer, uses: useCounts(original), widths: original.widths };
  const blocks = rewrittenBlocks(original.blocks, (instruction, index, block) => {
    if (instruction.op !== 'binary' || instruction.operator !== 'or') return undefined;
    const found = combined(fn, instruction);
    return found !== undefined && areUndisturbed(block.instructions, found.loads, index)
      ? loaded(found, fresh)
      : undefined;
  });
  return withBlocks(original, blocks, fresh.widths);
}

/** The combined load and what makes its value that of the `or` in whose place it stands. */
function loaded({ load, isSwapped }: Combined, fresh: FreshValues): readonly Instruction[] {
  const result = resultOf(load) ?? 0;
  const spanned = load.span === undefined ? {} : { span: load.span };
  const own: Width = load.bytes === 8 ? 64 : 32;
  const isWidened = fresh.widths[result] !== own;
  const narrow = isWidened ? fresh.make(own) : result;
  const read = isSwapped ? fresh.make(own) : narrow;
  const bits = (8 * load.bytes) as 16 | 32 | 64;
  return [
    { ...load, result: read },
    ...(isSwapped ? [{ op: 'swap', bits, value: read, result: narrow, ...spanned } as const] : []),
    ...(isWidened ? [{ op: 'zext', value: narrow, result, ...spanned } as const] : []),
  ];
}
