/**
 * Spilling: a web that got no register lives in a frame slot, or is made again before each use. Slots are 8 bytes
 * and are written and read whole, so that the verifier keeps what it knows of a value across the spill
 * (check_stack_write_fixed_off, kernel/bpf/verifier.c).
 */
import { unlessSame } from '../ir/visit.ts';
import { accessesOf } from './accesses.ts';
import type { Coloring } from './coalescing.ts';
import {
  defined,
  type FrameSlot,
  isVirtual,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  renameBlock,
  renameRegisters,
  renameTerminator,
  used,
  usedByTerminator,
} from './machine.ts';
import { type Rematerialised, singleDefinitions } from './remade.ts';

/** Relative costs of one execution. */
const RELOAD = 1;
const REMAKE = 0.4;

/** Where a register is mentioned in more than one block, as if that were the last step. */
const ELSEWHERE = 0x7fff_ffff;

/** Uses and definitions of each register, weighed; infinite where spilling would free nothing. */
export function spillCosts(
  fn: MachineFunction,
  temporaries: ReadonlySet<Register>,
): (register: Register) => number {
  const remade = singleDefinitions(fn);
  const { reads, writes, starts } = accessesOf(fn);
  const costs = new Float64Array(fn.nextRegister);
  const first = new Int32Array(fn.nextRegister).fill(-1);
  const last = new Int32Array(fn.nextRegister).fill(-1);
  for (const [place, { frequency }] of fn.blocks.entries()) {
    const start = starts[place] ?? 0;
    const mention = (register: Register, step: number, share: number) => {
      costs[register] = (costs[register] ?? 0) + share * frequency;
      const known = first[register] ?? -1;
      if (known < 0) first[register] = step;
      last[register] = known < 0 || known >= start ? step : ELSEWHERE;
    };
    for (let step = start; step < (starts[place + 1] ?? 0); step++) {
      for (let at = reads.start(step); at < reads.start(step + 1); at++)
        mention(reads.at(at), step, remade.has(reads.at(at)) ? REMAKE : RELOAD);
      for (let at = writes.start(step); at < writes.start(step + 1); at++)
        mention(writes.at(at), step, remade.has(writes.at(at)) ? -REMAKE : RELOAD);
    }
  }
  return (register) => {
    const tiny = first[register] !== -1 && (last[register] ?? 0) - (first[register] ?? 0) <= 1;
    return tiny || temporaries.has(register) ? Number.POSITIVE_INFINITY : (costs[register] ?? 0);
  };
}

interface Rewriting {
  readonly fn: MachineFunction;
  /** Registers that spilling made: never worth spilling again. */
  readonly temporaries: ReadonlySet<Register>;
}

class Spiller {
  private readonly representative = new Map<Register, Register>();
  private readonly remade: ReadonlyMap<Register, Rematerialised>;
  private readonly slotOf = new Map<Register, number>();
  private readonly slots: FrameSlot[];
  private readonly temporaries: Set<Register>;
  private readonly fn: MachineFunction;
  private nextRegister: Register;
  private out: MachineInstruction[] = [];

  constructor(fn: MachineFunction, coloring: Coloring, temporaries: ReadonlySet<Register>) {
    for (const web of coloring.spilled) {
      const [first] = web;
      if (first !== undefined) for (const register of web) this.representative.set(register, first);
    }
    this.fn = this.joinWebs(fn);
    this.nextRegister = fn.nextRegister;
    this.slots = [...fn.slots];
    this.temporaries = new Set(temporaries);
    this.remade = singleDefinitions(this.fn);
    this.assignSlots(coloring);
  }

  private joinWebs(fn: MachineFunction): MachineFunction {
    const rename = (register: Register) => this.representative.get(register) ?? register;
    return { ...fn, blocks: fn.blocks.map((block) => renameBlock(block, rename)) };
  }

  /** Webs that are never live at once share a slot. */
  private assignSlots(coloring: Coloring): void {
    const occupants = new Map<number, ReadonlySet<Register>[]>();
    const first = this.slots.length;
    for (const web of coloring.spilled) {
      const [register] = web;
      if (register === undefined || this.remade.has(register)) continue;
      const clashes = (other: ReadonlySet<Register>) =>
        [...web].some((left) => [...other].some((right) => coloring.interfere(left, right)));
      let slot = first;
      while ((occupants.get(slot) ?? []).some(clashes)) slot++;
      if (slot === this.slots.length) this.slots.push({ size: 8, alignment: 8 });
      occupants.set(slot, [...(occupants.get(slot) ?? []), web]);
      this.slotOf.set(register, slot);
    }
  }

  private isSpilled(register: Register): boolean {
    return this.representative.has(register) && (this.slotOf.has(register) || this.remade.has(register));
  }

  /** Those of a few registers that are spilled, each once. */
  private spilledOf(registers: readonly Register[]): readonly Register[] {
    return registers.filter(
      (register, index) => this.isSpilled(register) && registers.indexOf(register) === index,
    );
  }

  private temporary(): Register {
    const register = this.nextRegister++;
    this.temporaries.add(register);
    return register;
  }

  private fetch(to: Register, spilled: Register, span: MachineInstruction['span']): void {
    const remade = this.remade.get(spilled);
    const slot = this.slotOf.get(spilled);
    if (remade) this.out.push({ ...remade, to, span: span ?? remade.span });
    else if (slot !== undefined) this.out.push({ op: 'load', bytes: 8, to, from: { slot, offset: 0 }, span });
  }

  private keep(register: Register, spilled: Register, span: MachineInstruction['span']): void {
    const slot = this.slotOf.get(spilled);
    if (slot === undefined) return;
    const to = { slot, offset: 0 };
    this.out.push({ op: 'store', bytes: 8, to, source: { register }, span });
  }

  private instruction(instruction: MachineInstruction): void {
    const sets = this.spilledOf(defined(instruction));
    const reads = this.spilledOf(used(instruction));
    if (sets.length === 0 && reads.length === 0) {
      this.out.push(instruction);
      return;
    }
    const { span } = instruction;
    if (sets.some((register) => this.remade.has(register))) return;
    if (instruction.op === 'move' && reads.length === 0) {
      this.keep(instruction.from, instruction.to, span);
      return;
    }
    if (instruction.op === 'move' && sets.length === 0) {
      this.fetch(instruction.to, instruction.from, span);
      return;
    }
    const renamed = new Map([...reads, ...sets].map((register) => [register, this.temporary()]));
    for (const register of reads) this.fetch(renamed.get(register) ?? register, register, span);
    this.out.push(renameRegisters(instruction, (register) => renamed.get(register) ?? register));
    for (const register of sets) this.keep(renamed.get(register) ?? register, register, span);
  }

  private block(block: MachineBlock): MachineBlock {
    this.out = [];
    for (const instruction of block.instructions) this.instruction(instruction);
    const { terminator } = block;
    const reads = this.spilledOf(usedByTerminator(terminator));
    const instructions = unlessSame(block.instructions, this.out);
    if (reads.length === 0 && instructions === block.instructions) return block;
    const renamed = new Map(reads.map((register) => [register, this.temporary()]));
    for (const register of reads) this.fetch(renamed.get(register) ?? register, register, terminator.span);
    const rename = (register: Register) => renamed.get(register) ?? register;
    return { ...block, instructions: this.out, terminator: renameTerminator(terminator, rename) };
  }

  run(): Rewriting {
    const blocks = this.fn.blocks.map((block) => this.block(block));
    const fn = { ...this.fn, blocks, slots: this.slots, nextRegister: this.nextRegister };
    return { fn, temporaries: this.temporaries };
  }
}

/** Rewrites a function so that what a colouring spilled no longer needs a register for long. */
export function spill(
  fn: MachineFunction,
  coloring: Coloring,
  temporaries: ReadonlySet<Register>,
): Rewriting {
  if (coloring.spilled.some((web) => [...web].some((register) => !isVirtual(register))))
    throw new Error(`function ${fn.name}: a machine register can't be spilled`);
  return new Spiller(fn, coloring, temporaries).run();
}
