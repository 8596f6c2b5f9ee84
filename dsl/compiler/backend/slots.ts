/** Frame slots for evicted registers: those that are never live at once share one. */
import { mapUnlessSame } from '../ir/visit.ts';
import { accessesOf } from './accesses.ts';
import { LiveRegisters, livenessOfSome } from './liveness.ts';
import type { Address, FrameSlot, MachineFunction, MachineInstruction, Register } from './machine.ts';

/** Stands for the slot of an evicted register until all of them are known. */
export const slotFor = (register: Register): number => -register;

/** For each evicted register, the evicted ones that are live where it is set or live on. */
function conflicts(
  fn: MachineFunction,
  evicted: ReadonlySet<Register>,
): ReadonlyMap<Register, Set<Register>> {
  const result = new Map<Register, Set<Register>>([...evicted].map((register) => [register, new Set()]));
  const accesses = accessesOf(fn);
  const { reads, writes, starts } = accesses;
  const live = new LiveRegisters(accesses, livenessOfSome(fn, evicted).exit, fn.nextRegister);
  const meet = (left: Register, right: Register) => {
    if (left === right) return;
    result.get(left)?.add(right);
    result.get(right)?.add(left);
  };
  const write = (register: Register) => {
    live.forEach((other) => {
      if (evicted.has(other)) meet(register, other);
    });
    live.delete(register);
  };
  for (let block = 0; block < fn.blocks.length; block++) {
    live.startAt(block);
    for (let step = (starts[block + 1] ?? 0) - 1; step >= (starts[block] ?? 0); step--) {
      for (let at = writes.start(step); at < writes.start(step + 1); at++)
        if (evicted.has(writes.at(at))) write(writes.at(at));
      for (let at = reads.start(step); at < reads.start(step + 1); at++)
        if (evicted.has(reads.at(at))) live.add(reads.at(at));
    }
  }
  return result;
}

/** Replaces the stand-ins of `slotFor` in `fn`; `original` is the function before eviction, for its liveness. */
export function assignSlots(
  fn: MachineFunction,
  original: MachineFunction,
  evicted: ReadonlySet<Register>,
): MachineFunction {
  const clashes = conflicts(original, evicted);
  const numbers = new Map<Register, number>();
  const slots: FrameSlot[] = [...fn.slots];
  for (const register of evicted) {
    const taken = new Set([...(clashes.get(register) ?? [])].map((other) => numbers.get(other)));
    let number = fn.slots.length;
    while (taken.has(number)) number++;
    if (number === slots.length) slots.push({ size: 8, alignment: 8 });
    numbers.set(register, number);
  }
  const place = (address: Address): Address =>
    'slot' in address && address.slot < 0
      ? { slot: numbers.get(-address.slot) ?? 0, offset: address.offset }
      : address;
  const replaced = (instruction: MachineInstruction): MachineInstruction => {
    if (instruction.op === 'load') {
      const from = place(instruction.from);
      return from === instruction.from ? instruction : { ...instruction, from };
    }
    if (instruction.op !== 'store') return instruction;
    const to = place(instruction.to);
    return to === instruction.to ? instruction : { ...instruction, to };
  };
  const blocks = mapUnlessSame(fn.blocks, (block) => {
    const instructions = mapUnlessSame(block.instructions, replaced);
    return instructions === block.instructions ? block : { ...block, instructions };
  });
  return { ...fn, blocks, slots };
}
