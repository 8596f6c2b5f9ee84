/**
 * Store merging: two stores next to each other become one of twice the width, where what they store is constant or was
 * loaded from places next to each other as well. After DAGCombiner::mergeConsecutiveStores in LLVM. Stack slots keep
 * the alignment that the verifier asks for; the context's fields have their widths from the kernel, so they stay.
 */
import type { Bytes, Instruction, IrFunction, Region } from '../ir/ir.ts';
import { mapUnlessSame, unlessSame } from '../ir/visit.ts';
import { ones } from './arithmetic.ts';
import { movesPacket, writes } from './effects.ts';
import type { Producer } from './known-bits.ts';
import {
  FreshValues,
  producersOf,
  type UseCounts,
  useCounts,
  withBlocks,
  withInstructions,
} from './rewrite.ts';

type Store = Instruction & { readonly op: 'store' };
type Load = Instruction & { readonly op: 'load' };

const WIDER: Readonly<Partial<Record<Bytes, Bytes>>> = { 1: 2, 2: 4, 4: 8 };
const LOADED: ReadonlySet<Region> = new Set(['packet', 'map']);

/** Whether `high` stores right behind `low`, as much as it. */
const isNext = (low: Store, high: Store): boolean =>
  low.region === high.region &&
  low.base === high.base &&
  low.bytes === high.bytes &&
  high.offset === low.offset + low.bytes;

/** Whether an instruction can't be told from one that reads or writes `region`. */
function touches(instruction: Instruction, region: Region): boolean {
  if (instruction.op === 'helper' || instruction.op === 'call')
    return !('pure' in instruction) || !instruction.pure;
  return 'region' in instruction && instruction.region === region;
}

class Merger {
  private readonly producer: Producer;
  private readonly uses: UseCounts;
  private readonly fresh: FreshValues;

  constructor(private readonly fn: IrFunction) {
    this.producer = producersOf(fn);
    this.uses = useCounts(fn);
    this.fresh = new FreshValues(fn);
  }

  private isAligned({ region, base, offset }: Store, bytes: Bytes): boolean {
    if (region !== 'stack') return region !== 'context';
    const address = this.producer(base);
    const slot =
      address?.op === 'stackAddress' ? this.fn.slots.find(({ id }) => id === address.slot) : undefined;
    return slot !== undefined && slot.alignment >= bytes && offset % bytes === 0;
  }

  /** The constant that two make next to each other, where a store can have it. */
  private constant(low: Store, high: Store): bigint | undefined {
    if (typeof low.value !== 'bigint' || typeof high.value !== 'bigint') return undefined;
    const bits = 8 * low.bytes;
    const both = (low.value & ones(bits)) | ((high.value & ones(bits)) << BigInt(bits));
    return bits < 32 || BigInt.asUintN(64, BigInt.asIntN(32, both)) === both ? both : undefined;
  }

  /** The load of what two stores store, from in front of the later store. */
  private load(block: readonly Instruction[], low: Store, high: Store, end: number): Load | undefined {
    const [first, second] = [this.producer(low.value), this.producer(high.value)];
    const bytes = WIDER[low.bytes];
    if (first?.op !== 'load' || second?.op !== 'load' || bytes === undefined) return undefined;
    const { region, base, offset } = first;
    const apart =
      second.region !== region ||
      second.base !== base ||
      second.offset !== offset + low.bytes ||
      [first, second].some((load) => load.bytes !== low.bytes || this.uses.of(load.result) !== 1);
    const start = Math.min(block.indexOf(first), block.indexOf(second));
    if (apart || !LOADED.has(region) || start < 0) return undefined;
    const between = block.slice(start, end);
    const changed = between.some((made) => movesPacket(made) || writes(made).includes(region));
    return changed ? undefined : { ...first, bytes, result: this.fresh.make(bytes === 8 ? 64 : 32) };
  }

  /** What stands for two stores, of which the later one is at `end`; undefined where they stay apart. */
  private pair(
    block: readonly Instruction[],
    low: Store,
    high: Store,
    end: number,
  ): readonly Instruction[] | undefined {
    const bytes = WIDER[low.bytes];
    if (bytes === undefined || !isNext(low, high) || !this.isAligned(low, bytes)) return undefined;
    const constant = this.constant(low, high);
    if (constant !== undefined) return [{ ...low, bytes, value: constant }];
    const load = this.load(block, low, high, end);
    return load && [load, { ...low, bytes, value: load.result }];
  }

  private block(original: readonly Instruction[]): readonly Instruction[] {
    const result: Instruction[] = [];
    for (const [end, later] of original.entries()) {
      const merged = later.op === 'store' ? this.withEarlier(original, result, later, end) : undefined;
      result.push(...(merged ?? [later]));
    }
    return unlessSame(original, result);
  }

  /** Takes the store that `later` joins out of `before`, up to the nearest instruction that touches the same memory. */
  private withEarlier(
    original: readonly Instruction[],
    before: Instruction[],
    later: Store,
    end: number,
  ): readonly Instruction[] | undefined {
    for (let index = before.length - 1; index >= 0; index -= 1) {
      const earlier = before[index];
      if (earlier === undefined) break;
      if (earlier.op === 'store') {
        const merged = this.pair(original, earlier, later, end) ?? this.pair(original, later, earlier, end);
        if (merged !== undefined) {
          before.splice(index, 1);
          return merged;
        }
        // Stores to other bytes of the same object don't mind.
        if (earlier.base === later.base && !overlaps(earlier, later)) continue;
      }
      if (touches(earlier, later.region)) break;
    }
    return undefined;
  }

  run(): IrFunction {
    const blocks = mapUnlessSame(this.fn.blocks, (block) =>
      withInstructions(block, this.block(block.instructions)),
    );
    return withBlocks(this.fn, blocks, this.fresh.widths);
  }
}

const overlaps = (a: Store, b: Store): boolean =>
  a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;

export const mergeStores = (fn: IrFunction): IrFunction => new Merger(fn).run();
