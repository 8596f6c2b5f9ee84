/**
 * Live ranges split around calls: a register that would need a callee-saved one only because of calls on unlikely
 * paths is stored before them and loaded after, and keeps its register elsewhere (caller-saved registers, as in
 * Chow and Hennessy, "The Priority-Based Coloring Approach to Register Allocation", TOPLAS 12(4), 1990).
 */
import { BitSet } from './bits.ts';
import { liveAtExit, liveBeforeTerminator, stepBackward } from './liveness.ts';
import {
  defined,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  used,
  usedByTerminator,
} from './machine.ts';

/** For each call of a block, by its index: the registers that must survive it. */
function liveAcrossCalls(block: MachineBlock, exit: BitSet): ReadonlyMap<number, BitSet> {
  const result = new Map<number, BitSet>();
  const live = liveBeforeTerminator(block, exit);
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const instruction = block.instructions[index];
    if (!instruction) continue;
    if (instruction.op === 'call') {
      const across = live.copy();
      for (const register of defined(instruction)) across.delete(register);
      result.set(index, across);
    }
    stepBackward(live, instruction);
  }
  return result;
}

/** How often calls run while each register is live. Registers that live across none are absent. */
export function callCrossings(fn: MachineFunction): ReadonlyMap<Register, number> {
  const exits = liveAtExit(fn);
  const result = new Map<Register, number>();
  for (const block of fn.blocks)
    for (const across of liveAcrossCalls(block, exits.get(block.id) ?? new BitSet(fn.nextRegister)).values())
      across.forEach((register) => {
        result.set(register, (result.get(register) ?? 0) + block.frequency);
      });
  return result;
}

/** Splits one block; the register is loaded again just before its next use, or at the block's end. */
class BlockSplitter {
  private readonly out: MachineInstruction[] = [];
  /** Registers whose value lies in the slot alone. */
  private readonly away = new Set<Register>();
  /** Registers whose slot holds their value. */
  private readonly stored = new Set<Register>();

  constructor(
    private readonly block: MachineBlock,
    private readonly exit: BitSet,
    private readonly slotOf: ReadonlyMap<Register, number>,
  ) {}

  private bringBack(register: Register, span: MachineInstruction['span']): void {
    const slot = this.slotOf.get(register);
    if (slot === undefined || !this.away.delete(register)) return;
    const from = { slot, offset: 0 };
    this.out.push({ op: 'load', bytes: 8, to: register, from, ...(span && { span }) });
  }

  private putAway(register: Register, span: MachineInstruction['span']): void {
    const slot = this.slotOf.get(register);
    if (slot === undefined || this.away.has(register)) return;
    this.away.add(register);
    if (this.stored.has(register)) return;
    this.stored.add(register);
    const to = { slot, offset: 0 };
    this.out.push({ op: 'store', bytes: 8, to, source: { register }, ...(span && { span }) });
  }

  run(): MachineBlock {
    const across = liveAcrossCalls(this.block, this.exit);
    this.block.instructions.forEach((instruction, index) => {
      for (const register of used(instruction)) this.bringBack(register, instruction.span);
      across.get(index)?.forEach((register) => {
        this.putAway(register, instruction.span);
      });
      this.out.push(instruction);
      for (const register of defined(instruction)) {
        this.away.delete(register);
        this.stored.delete(register);
      }
    });
    const { terminator } = this.block;
    for (const register of usedByTerminator(terminator)) this.bringBack(register, terminator.span);
    for (const register of [...this.away])
      if (this.exit.has(register)) this.bringBack(register, terminator.span);
    return { ...this.block, instructions: this.out };
  }
}

/** Splits registers around every call that they live across; `slotOf` gives each a frame slot of its own. */
export function splitAroundCalls(
  fn: MachineFunction,
  slotOf: ReadonlyMap<Register, number>,
): MachineFunction {
  if (slotOf.size === 0) return fn;
  const exits = liveAtExit(fn);
  const blocks = fn.blocks.map((block) =>
    new BlockSplitter(block, exits.get(block.id) ?? new BitSet(fn.nextRegister), slotOf).run(),
  );
  return { ...fn, blocks };
}
