/** Liveness of registers over machine code, and the removal of what it shows to be dead. */
import { mapUnlessSame } from '../ir/visit.ts';
import { type Accesses, accessesOf, edgesOf } from './accesses.ts';
import {
  hasOnlyResult,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
} from './machine.ts';
import { BitRows } from './rows.ts';

/** Registers live at each end of each block, by the block's place in the function. */
export interface Liveness {
  readonly entry: BitRows;
  readonly exit: BitRows;
}

/** Of the function that was asked for last, or that has what that one had. */
let last: { readonly fn: MachineFunction; readonly liveness: Liveness } | undefined;

/** Remembered for one function: it never changes, and whoever goes on to a changed one never comes back. */
export function livenessOf(fn: MachineFunction): Liveness {
  if (last?.fn !== fn) last = { fn, liveness: findLiveness(fn) };
  return last.liveness;
}

/** What each block writes; what it reads before it writes it is added to `reads`. */
function writesOf({ reads, writes, starts }: Accesses, read: BitRows, limit: number): BitRows {
  const blocks = starts.length - 1;
  const written = new BitRows(blocks, limit);
  for (let block = 0; block < blocks; block++)
    for (let step = starts[block] ?? 0; step < (starts[block + 1] ?? 0); step++) {
      for (let at = reads.start(step); at < reads.start(step + 1); at++)
        if (!written.has(block, reads.at(at))) read.add(block, reads.at(at));
      for (let at = writes.start(step); at < writes.start(step + 1); at++) written.add(block, writes.at(at));
    }
  return written;
}

function findLiveness(fn: MachineFunction): Liveness {
  const { next, before } = edgesOf(fn);
  const count = fn.blocks.length;
  const entry = new BitRows(count, fn.nextRegister);
  const exit = new BitRows(count, fn.nextRegister);
  const writes = writesOf(accessesOf(fn), entry, fn.nextRegister);
  // The last block, whose facts flow furthest, is taken first.
  const queue = fn.blocks.map((_, block) => block);
  const waiting = new Uint8Array(count).fill(1);
  for (let block = queue.pop(); block !== undefined; block = queue.pop()) {
    waiting[block] = 0;
    let grown = false;
    for (let at = next.start(block); at < next.start(block + 1); at++)
      if (exit.addAll(block, entry, next.at(at))) grown = true;
    if (!grown || !entry.addAllBut(block, exit, writes, block)) continue;
    for (let at = before.start(block); at < before.start(block + 1); at++) {
      const previous = before.at(at);
      if (waiting[previous] === 0) queue.push(previous);
      waiting[previous] = 1;
    }
  }
  return { entry, exit };
}

/** The registers that are live at one place of a block, which moves from its end to its start. */
export class LiveRegisters {
  private readonly live: BitRows;

  constructor(
    private readonly accesses: Accesses,
    private readonly exit: BitRows,
    limit: number,
  ) {
    this.live = new BitRows(1, limit);
  }

  /** Moves to the end of a block, by its place in the function. */
  startAt(block: number): void {
    this.live.copy(0, this.exit, block);
  }

  /** Moves from behind a step to before it. */
  stepBackward(step: number): void {
    const { reads, writes } = this.accesses;
    for (let at = writes.start(step); at < writes.start(step + 1); at++) this.live.delete(0, writes.at(at));
    for (let at = reads.start(step); at < reads.start(step + 1); at++) this.live.add(0, reads.at(at));
  }

  /** Whether what is live here is what a table has for the start or the end of a block. */
  isRow(table: BitRows, block: number): boolean {
    return this.live.equals(0, table, block);
  }

  has(register: number): boolean {
    return this.live.has(0, register);
  }

  add(register: number): void {
    this.live.add(0, register);
  }

  delete(register: number): void {
    this.live.delete(0, register);
  }

  forEach(visit: (register: number) => void): void {
    this.live.forEach(0, visit);
  }
}

/** Whether anybody reads what a step writes. */
function isRead({ writes }: Accesses, step: number, live: LiveRegisters): boolean {
  for (let at = writes.start(step); at < writes.start(step + 1); at++)
    if (live.has(writes.at(at))) return true;
  return false;
}

/** Removes instructions that only set registers nobody reads. */
export function removeDeadCode(fn: MachineFunction): MachineFunction {
  let current = fn;
  for (let again = true; again; ) {
    again = false;
    const accesses = accessesOf(current);
    const liveness = livenessOf(current);
    const live = new LiveRegisters(accesses, liveness.exit, current.nextRegister);
    const blocks = mapUnlessSame(current.blocks, (block, place) => {
      const kept = liveInstructions(block, place, accesses, live);
      if (kept.length === block.instructions.length) return block;
      // Only where less is live in front of a block can something in others be dead now.
      if (!live.isRow(liveness.entry, place)) again = true;
      return { ...block, instructions: kept.reverse() };
    });
    if (blocks === current.blocks) break;
    current = { ...current, blocks };
    if (!again) last = { fn: current, liveness };
  }
  return current;
}

/** A block's instructions that do more than set registers that nobody reads, the last one first. */
function liveInstructions(
  { instructions }: MachineBlock,
  place: number,
  accesses: Accesses,
  live: LiveRegisters,
): MachineInstruction[] {
  const start = accesses.starts[place] ?? 0;
  const kept: MachineInstruction[] = [];
  live.startAt(place);
  live.stepBackward(start + instructions.length);
  for (let index = instructions.length - 1; index >= 0; index--) {
    const instruction = instructions[index];
    if (instruction === undefined) continue;
    if (hasOnlyResult(instruction) && !isRead(accesses, start + index, live)) continue;
    live.stepBackward(start + index);
    kept.push(instruction);
  }
  return kept;
}
