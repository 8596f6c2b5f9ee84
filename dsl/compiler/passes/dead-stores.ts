/**
 * Dead store elimination on the stack: stores to a slot that nothing reads go, and within a block a store that a
 * later one overwrites before anything can read it. Muchnick (1997), section 18.10, on single slots.
 */
import type { Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { eachArgument, eachOperand, eachTerminatorOperand, mapUnlessSame, unlessSame } from '../ir/visit.ts';
import { withBlocks, withInstructions } from './rewrite.ts';

/** Slots by the value that holds their address. */
function slotAddresses(fn: IrFunction): ReadonlyMap<ValueId, number> {
  const addresses = new Map<ValueId, number>();
  for (const { instructions } of fn.blocks)
    for (const instruction of instructions)
      if (instruction.op === 'stackAddress') addresses.set(instruction.result, instruction.slot);
  return addresses;
}

/** Slots that are loaded from, or whose address goes anywhere but into a store's base. */
function readSlots(fn: IrFunction, addresses: ReadonlyMap<ValueId, number>): ReadonlySet<number> {
  const read = new Set<number>();
  const use = (operand: Operand): void => {
    const slot = typeof operand === 'number' ? addresses.get(operand) : undefined;
    if (slot !== undefined) read.add(slot);
  };
  for (const { instructions, terminator } of fn.blocks) {
    for (const instruction of instructions) {
      if (instruction.op === 'store') use(instruction.value);
      else eachOperand(instruction, use);
    }
    eachTerminatorOperand(terminator, use);
    eachArgument(terminator, use);
  }
  return read;
}

/** Whether an instruction may read the stack. */
const mayRead = (instruction: Instruction): boolean =>
  instruction.op === 'helper' ||
  instruction.op === 'call' ||
  ('region' in instruction && instruction.region === 'stack');

export function eliminateDeadStores(fn: IrFunction): IrFunction {
  const addresses = slotAddresses(fn);
  if (addresses.size === 0) {
    return fn;
  }
  const read = readSlots(fn, addresses);
  const slotOf = (instruction: Instruction): number | undefined =>
    instruction.op === 'store' && typeof instruction.base === 'number'
      ? addresses.get(instruction.base)
      : undefined;
  const keep = (instructions: readonly Instruction[]): readonly Instruction[] => {
    if (!instructions.some((instruction) => slotOf(instruction) !== undefined)) return instructions;
    // Bytes, as `slot:offset`, that are stored to later before any read.
    let overwritten = new Set<string>();
    const kept: Instruction[] = [];
    for (const instruction of instructions.toReversed()) {
      const slot = slotOf(instruction);
      if (instruction.op === 'store' && slot !== undefined) {
        const bytes = Array.from(
          { length: instruction.bytes },
          (_, i) => `${slot}:${instruction.offset + i}`,
        );
        if (!read.has(slot) || bytes.every((byte) => overwritten.has(byte))) {
          continue;
        }
        for (const byte of bytes) {
          overwritten.add(byte);
        }
      } else if (instruction.op !== 'store' && mayRead(instruction)) {
        overwritten = new Set();
      }
      kept.push(instruction);
    }
    return unlessSame(instructions, kept.reverse());
  };
  const blocks = mapUnlessSame(fn.blocks, (block) => withInstructions(block, keep(block.instructions)));
  return withBlocks(fn, blocks);
}
