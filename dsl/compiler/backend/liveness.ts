/** Liveness of registers over machine code, and the removal of what it shows to be dead. */
import { BitSet } from '../ir/bits.ts';
import { mapUnlessSame } from '../ir/visit.ts';
import {
  defined,
  hasOnlyResult,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  successors,
  used,
  usedByTerminator,
} from './machine.ts';

/** Updates `live` from behind an instruction to before it. */
export function stepBackward(live: BitSet, instruction: MachineInstruction): void {
  for (const register of defined(instruction)) live.delete(register);
  for (const register of used(instruction)) live.add(register);
}

/** Registers live before a block's terminator, given those live after it. */
export function liveBeforeTerminator(block: MachineBlock, exit: BitSet): BitSet {
  const live = exit.copy();
  for (const register of usedByTerminator(block.terminator)) live.add(register);
  return live;
}

/** What a block does to registers: few, so that lists do. */
interface Summary {
  /** Read before they are written. */
  readonly reads: readonly Register[];
  readonly writes: readonly Register[];
}

const summaries = new WeakMap<MachineBlock, Summary>();

/** Found once for each block: none ever changes. */
function summaryOf(block: MachineBlock): Summary {
  const known = summaries.get(block);
  if (known !== undefined) return known;
  const reads = new Set<Register>();
  const writes = new Set<Register>();
  for (const instruction of block.instructions) {
    for (const register of used(instruction)) if (!writes.has(register)) reads.add(register);
    for (const register of defined(instruction)) writes.add(register);
  }
  for (const register of usedByTerminator(block.terminator)) if (!writes.has(register)) reads.add(register);
  const summary = { reads: [...reads], writes: [...writes] };
  summaries.set(block, summary);
  return summary;
}

interface BlockSets extends Summary {
  readonly block: MachineBlock;
  readonly entry: BitSet;
  readonly exit: BitSet;
}

function setsOf(block: MachineBlock, size: number): BlockSets {
  const summary = summaryOf(block);
  const entry = new BitSet(size);
  for (const register of summary.reads) entry.add(register);
  return { block, ...summary, entry, exit: new BitSet(size) };
}

/** Registers live at each end of each block, by block id. */
interface Liveness {
  readonly entry: ReadonlyMap<number, BitSet>;
  readonly exit: ReadonlyMap<number, BitSet>;
}

const known = new WeakMap<MachineFunction, Liveness>();

/** Found once for each function: none ever changes. */
function livenessOf(fn: MachineFunction): Liveness {
  const liveness = known.get(fn) ?? findLiveness(fn);
  known.set(fn, liveness);
  return liveness;
}

/** Registers live at the end of each block, by block id. */
export const liveAtExit = (fn: MachineFunction): ReadonlyMap<number, BitSet> => livenessOf(fn).exit;

/** Registers live at the start of each block, by block id. */
export const liveAtEntry = (fn: MachineFunction): ReadonlyMap<number, BitSet> => livenessOf(fn).entry;

function findLiveness(fn: MachineFunction): Liveness {
  const sets = new Map(fn.blocks.map((block) => [block.id, setsOf(block, fn.nextRegister)]));
  const before = new Map<number, BlockSets[]>(fn.blocks.map((block) => [block.id, []]));
  for (const set of sets.values())
    for (const next of successors(set.block.terminator)) before.get(next)?.push(set);
  const work = new Set(sets.values());
  // The last block, whose facts flow furthest, is taken first.
  const queue = [...work];
  while (queue.length > 0) {
    const set = queue.pop();
    if (!set) break;
    work.delete(set);
    let grown = false;
    for (const next of successors(set.block.terminator)) {
      const following = sets.get(next);
      if (following && set.exit.addAll(following.entry)) grown = true;
    }
    if (!grown || !set.entry.addAllBut(set.exit, set.writes)) continue;
    for (const previous of before.get(set.block.id) ?? [])
      if (!work.has(previous)) {
        work.add(previous);
        queue.push(previous);
      }
  }
  return {
    entry: new Map([...sets].map(([id, { entry }]) => [id, entry])),
    exit: new Map([...sets].map(([id, { exit }]) => [id, exit])),
  };
}

/** The block without instructions that only set registers nobody reads. */
function withoutDeadCode(block: MachineBlock, exit: BitSet): MachineBlock {
  const live = liveBeforeTerminator(block, exit);
  const kept: MachineInstruction[] = [];
  for (const instruction of block.instructions.toReversed()) {
    if (hasOnlyResult(instruction) && !defined(instruction).some((register) => live.has(register))) continue;
    stepBackward(live, instruction);
    kept.push(instruction);
  }
  return kept.length === block.instructions.length ? block : { ...block, instructions: kept.reverse() };
}

/** Removes instructions that only set registers nobody reads. */
export function removeDeadCode(fn: MachineFunction): MachineFunction {
  let current = fn;
  for (let again = true; again; ) {
    again = false;
    const liveness = livenessOf(current);
    const nothing = new BitSet(current.nextRegister);
    const blocks = mapUnlessSame(current.blocks, (block) => {
      const kept = withoutDeadCode(block, liveness.exit.get(block.id) ?? nothing);
      // Only where a block reads less of what comes from others can something in these be dead now.
      if (summaryOf(kept).reads.length < summaryOf(block).reads.length) again = true;
      return kept;
    });
    if (blocks === current.blocks) break;
    current = { ...current, blocks };
    if (!again) known.set(current, liveness);
  }
  return current;
}
