/** Liveness of registers over machine code, and the removal of what it shows to be dead. */
import { mapUnlessSame } from '../ir/visit.ts';
import { type Accesses, accessesOf, edgesOf } from './accesses.ts';
import {
  hasOnlyResult,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
} from './machine.ts';

/** The registers that are live at one end of each block, by the block's place in the function. */
export interface LiveAtBlocks {
  /** In ascending order. */
  of(block: number): readonly Register[];
  has(block: number, register: Register): boolean;
}

export interface Liveness {
  readonly entry: LiveAtBlocks;
  readonly exit: LiveAtBlocks;
}

/** Of the function that was asked for last, or that has what that one had. */
let last: { readonly fn: MachineFunction; readonly liveness: Liveness } | undefined;

/** Remembered for one function: it never changes, and whoever goes on to a changed one never comes back. */
export function livenessOf(fn: MachineFunction): Liveness {
  if (last?.fn !== fn) last = { fn, liveness: findLiveness(fn) };
  return last.liveness;
}

/** Liveness of those registers alone that are asked for. */
export const livenessOfSome = (fn: MachineFunction, asked: ReadonlySet<Register>): Liveness =>
  last?.fn === fn ? last.liveness : findLiveness(fn, asked);

/** Blocks by register. */
class BlocksOfRegisters {
  /** By register, its last entry below, from 1 on, and by entry its block and the entry before it. */
  private readonly ends: Int32Array;
  private readonly blocks: number[] = [0];
  private readonly before: number[] = [0];

  /** For registers below `limit`. */
  constructor(limit: number) {
    this.ends = new Int32Array(limit);
  }

  /** Adds the block that is at hand. */
  add(register: Register, block: number): void {
    const end = this.ends[register] ?? 0;
    if (end !== 0 && this.blocks[end] === block) return;
    this.before.push(end);
    this.ends[register] = this.blocks.push(block) - 1;
  }

  /** Whether the block that was added last is `block`. */
  isLast(register: Register, block: number): boolean {
    const end = this.ends[register] ?? 0;
    return end !== 0 && this.blocks[end] === block;
  }

  /** Adds a register's blocks to a list. */
  addTo(list: number[], register: Register): void {
    for (let entry = this.ends[register] ?? 0; entry !== 0; entry = this.before[entry] ?? 0)
      list.push(this.blocks[entry] ?? 0);
  }
}

/** Live registers in one list for each block, to which they are added in ascending order. */
class LiveLists implements LiveAtBlocks {
  private readonly lists: Register[][];

  constructor(blocks: number) {
    this.lists = Array.from({ length: blocks }, () => []);
  }

  of(block: number): readonly Register[] {
    return this.lists[block] ?? [];
  }

  has(block: number, register: Register): boolean {
    return this.of(block).includes(register);
  }

  /** Whether it wasn't in the block's list. */
  add(block: number, register: Register): boolean {
    const list = this.lists[block];
    if (list === undefined || list[list.length - 1] === register) return false;
    list.push(register);
    return true;
  }
}

/** The blocks that write each register, and those that read it before they write it. */
function mentionsOf({ reads, writes, starts }: Accesses, limit: number) {
  const [read, written] = [new BlocksOfRegisters(limit), new BlocksOfRegisters(limit)];
  for (let block = 0; block + 1 < starts.length; block++)
    for (let step = starts[block] ?? 0; step < (starts[block + 1] ?? 0); step++) {
      for (let at = reads.start(step); at < reads.start(step + 1); at++)
        if (!written.isLast(reads.at(at), block)) read.add(reads.at(at), block);
      for (let at = writes.start(step); at < writes.start(step + 1); at++) written.add(writes.at(at), block);
    }
  return { read, written };
}

/**
 * From its uses each register's liveness goes back to what writes it (Appel and Palsberg, Modern Compiler Implementation in
 * Java, 2002, section 19.6): most registers are live in few blocks.
 */
function findLiveness(fn: MachineFunction, asked?: ReadonlySet<Register>): Liveness {
  const { before } = edgesOf(fn);
  const count = fn.blocks.length;
  const { read, written } = mentionsOf(accessesOf(fn), fn.nextRegister);
  const [entry, exit] = [new LiveLists(count), new LiveLists(count)];
  /** The register that each block was last found to write. */
  const writes = new Int32Array(count).fill(-1);
  const [work, writing]: [number[], number[]] = [[], []];
  for (let register = 0; register < fn.nextRegister; register++) {
    if (asked?.has(register) === false) continue;
    read.addTo(work, register);
    if (work.length === 0) continue;
    written.addTo(writing, register);
    for (let block = writing.pop(); block !== undefined; block = writing.pop()) writes[block] = register;
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      if (!entry.add(block, register)) continue;
      for (let at = before.start(block); at < before.start(block + 1); at++) {
        const way = before.at(at);
        if (exit.add(way, register) && writes[way] !== register) work.push(way);
      }
    }
  }
  return { entry, exit };
}

/** The registers that are live at one place of a block, which moves from its end to its start. */
export class LiveRegisters {
  /** In ascending order; there are few. */
  private readonly registers: Register[] = [];
  private readonly isLive: Uint8Array;

  constructor(
    private readonly accesses: Accesses,
    private readonly exit: LiveAtBlocks,
    limit: number,
  ) {
    this.isLive = new Uint8Array(limit);
  }

  /** Moves to the end of a block, by its place in the function. */
  startAt(block: number): void {
    const { registers, isLive } = this;
    for (let register = registers.pop(); register !== undefined; register = registers.pop())
      isLive[register] = 0;
    for (const register of this.exit.of(block)) {
      isLive[register] = 1;
      registers.push(register);
    }
  }

  /** Moves from behind a step to before it. */
  stepBackward(step: number): void {
    const { reads, writes } = this.accesses;
    for (let at = writes.start(step); at < writes.start(step + 1); at++) this.delete(writes.at(at));
    for (let at = reads.start(step); at < reads.start(step + 1); at++) this.add(reads.at(at));
  }

  /** Whether what is live here is what a table has for the start or the end of a block. */
  isRow(table: LiveAtBlocks, block: number): boolean {
    const other = table.of(block);
    return other.length === this.registers.length && other.every((register) => this.has(register));
  }

  has(register: Register): boolean {
    return this.isLive[register] === 1;
  }

  add(register: Register): void {
    if (this.has(register)) return;
    this.isLive[register] = 1;
    const { registers } = this;
    let at = registers.push(register) - 1;
    for (; at > 0; at--) {
      const other = registers[at - 1] ?? 0;
      if (other < register) break;
      registers[at] = other;
    }
    registers[at] = register;
  }

  delete(register: Register): void {
    if (!this.has(register)) return;
    this.isLive[register] = 0;
    const { registers } = this;
    let above = registers.pop() ?? register;
    for (let at = registers.length - 1; above !== register; at--) {
      const other = registers[at] ?? register;
      registers[at] = above;
      above = other;
    }
  }

  /** In ascending order. */
  forEach(visit: (register: Register) => void): void {
    for (const register of this.registers) visit(register);
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
