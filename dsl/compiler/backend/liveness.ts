/** Liveness of registers over machine code, and the removal of what it shows to be dead. */
import { BitSet } from './bits.ts';
import {
  defined,
  hasOnlyResult,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
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

/** Registers live at the end of each block, by block id. */
export function liveAtExit(fn: MachineFunction): ReadonlyMap<number, BitSet> {
  const exits = new Map(fn.blocks.map((block) => [block.id, new BitSet(fn.nextRegister)]));
  const entries = new Map(fn.blocks.map((block) => [block.id, new BitSet(fn.nextRegister)]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of [...fn.blocks].reverse()) {
      const exit = exits.get(block.id);
      if (!exit) continue;
      for (const next of successors(block.terminator)) {
        const entry = entries.get(next);
        if (entry) exit.addAll(entry);
      }
      const live = liveBeforeTerminator(block, exit);
      for (const instruction of [...block.instructions].reverse()) stepBackward(live, instruction);
      if (entries.get(block.id)?.addAll(live)) changed = true;
    }
  }
  return exits;
}

/** Removes instructions that only set registers nobody reads. */
export function removeDeadCode(fn: MachineFunction): MachineFunction {
  let current = fn;
  for (let changed = true; changed; ) {
    changed = false;
    const exits = liveAtExit(current);
    const blocks = current.blocks.map((block): MachineBlock => {
      const live = liveBeforeTerminator(block, exits.get(block.id) ?? new BitSet(current.nextRegister));
      const kept: MachineInstruction[] = [];
      for (const instruction of [...block.instructions].reverse()) {
        if (hasOnlyResult(instruction) && !defined(instruction).some((register) => live.has(register))) {
          changed = true;
          continue;
        }
        stepBackward(live, instruction);
        kept.push(instruction);
      }
      return { ...block, instructions: kept.reverse() };
    });
    current = { ...current, blocks };
  }
  return current;
}
