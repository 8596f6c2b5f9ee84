/**
 * A load of what was just loaded or stored there is that value, and a store of it changes nothing: redundant load and
 * store elimination, and store-to-load forwarding. Muchnick (1997), section 12.4. Shared memory is followed within a block only, so that a program which
 * reads it twice at different places sees what other CPUs wrote in between; the packet and the stack, which are the
 * program's own, along blocks that have a single predecessor.
 */
import { blockOf, blocksById, predecessors, reversePostorder } from '../ir/analysis.ts';
import type { Block, Instruction, IrFunction, Operand, Region } from '../ir/ir.ts';
import { mapOperands, mapTerminatorOperands, mapUnlessSame, unlessSame } from '../ir/visit.ts';
import { ones } from './arithmetic.ts';
import { movesPacket, writes } from './effects.ts';
import { type Producer, possibleBits } from './known-bits.ts';
import { producersOf, Replacements, replacedEverywhere, withBlocks, withBody } from './rewrite.ts';

interface Known {
  readonly region: Region;
  readonly base: Operand;
  readonly offset: number;
  readonly bytes: number;
  readonly value: Operand;
}

type Access = Omit<Known, 'value'>;

const knownAt = ({ region, base, offset, bytes }: Access, value: Operand): Known => ({
  region,
  base,
  offset,
  bytes,
  value,
});

const FORWARDED: ReadonlySet<Region> = new Set(['packet', 'map', 'global', 'stack']);
const PRIVATE: ReadonlySet<Region> = new Set(['packet', 'stack']);

/** Whether two accesses may touch the same byte. */
function mayOverlap(producer: Producer, a: Access, b: Access): boolean {
  if (a.region !== b.region) {
    return false;
  }
  if (a.base === b.base) {
    return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
  }
  const [first, second] = [producer(a.base), producer(b.base)];
  return !(first?.op === 'stackAddress' && second?.op === 'stackAddress' && first.slot !== second.slot);
}

const sameAccess = (a: Access, b: Access): boolean =>
  a.region === b.region && a.base === b.base && a.offset === b.offset && a.bytes === b.bytes;

export function forwardMemory(fn: IrFunction): IrFunction {
  const producer = producersOf(fn);
  const replaced = new Replacements();

  /** What a load of `bytes` gives after `value` was stored there; undefined where that takes computing. */
  const asLoaded = (value: Operand, bytes: number): Operand | undefined => {
    if (typeof value === 'bigint') {
      return value & ones(8 * bytes);
    }
    const width = fn.widths[value] ?? 64;
    if (width !== (bytes === 8 ? 64 : 32)) {
      return undefined;
    }
    return possibleBits(producer, value, width) <= ones(8 * bytes) ? value : undefined;
  };

  const inBlock = (block: Block, inherited: readonly Known[]): { block: Block; known: readonly Known[] } => {
    let known: Known[] = [...inherited];
    const kept: Instruction[] = [];
    for (const original of block.instructions) {
      const instruction = mapOperands(original, replaced.resolve);
      if (instruction.op === 'load' && FORWARDED.has(instruction.region)) {
        const same = known.find((candidate) => sameAccess(candidate, instruction));
        if (same !== undefined) {
          replaced.set(instruction.result, same.value);
          continue;
        }
        known.push(knownAt(instruction, instruction.result));
      } else if (instruction.op === 'store') {
        const there = known.find((candidate) => sameAccess(candidate, instruction));
        if (there !== undefined && PRIVATE.has(instruction.region) && there.value === instruction.value) {
          continue;
        }
        known = known.filter((other) => !mayOverlap(producer, other, instruction));
        const value = asLoaded(instruction.value, instruction.bytes);
        if (value !== undefined && FORWARDED.has(instruction.region)) {
          known.push(knownAt(instruction, value));
        }
      } else {
        const written = movesPacket(instruction) ? [...writes(instruction), 'packet'] : writes(instruction);
        if (written.length > 0) known = known.filter((other) => !written.includes(other.region));
      }
      kept.push(instruction);
    }
    const terminator = mapTerminatorOperands(block.terminator, replaced.resolve);
    return { block: withBody(block, unlessSame(block.instructions, kept), terminator), known };
  };

  const before = predecessors(fn);
  const blocks = blocksById(fn);
  const done = new Map<number, { readonly block: Block; readonly known: readonly Known[] }>();
  for (const id of reversePostorder(fn)) {
    const [predecessor, ...others] = before.get(id) ?? [];
    const above = predecessor === undefined || others.length > 0 ? undefined : done.get(predecessor);
    const inherited = above?.known.filter(({ region }) => PRIVATE.has(region)) ?? [];
    done.set(id, inBlock(blockOf(blocks, id), inherited));
  }
  const forwarded = mapUnlessSame(fn.blocks, (block) => done.get(block.id)?.block ?? block);
  return replacedEverywhere(replaced, withBlocks(fn, forwarded));
}
