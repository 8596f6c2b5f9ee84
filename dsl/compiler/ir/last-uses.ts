/**
 * Where values are used for the last time. Liveness is found for those values alone that are asked for, by walking back
 * from their uses (Appel and Palsberg, Modern Compiler Implementation in Java, 2002, section 19.6).
 */
import { predecessors } from './analysis.ts';
import type { ReadonlyByBlock } from './by-block.ts';
import type { Block, Instruction, IrFunction, Operand, ValueId } from './ir.ts';
import { eachArgument, eachOperand, eachOperandOfBlock, eachTerminatorOperand, resultOf } from './visit.ts';

export class LastUses {
  private readonly before: ReadonlyByBlock<readonly number[]>;
  /** By value: the block that defines it, and those that use it. */
  private readonly homes: number[];
  private readonly users: (number[] | undefined)[];
  /** By value: the blocks behind which it is used. */
  private readonly known = new Map<ValueId, ReadonlySet<number>>();
  /** Of the block that was asked for last, since one is asked for after the other. */
  private within: UsesWithin | undefined;

  constructor(fn: IrFunction) {
    this.before = predecessors(fn);
    // Parameters of the function are the entry's.
    this.homes = new Array<number>(fn.widths.length).fill(fn.blocks[0]?.id ?? 0);
    this.users = new Array<number[] | undefined>(fn.widths.length).fill(undefined);
    for (const block of fn.blocks) {
      for (const parameter of block.parameters) this.homes[parameter] = block.id;
      for (const instruction of block.instructions) {
        const result = resultOf(instruction);
        if (result !== undefined) this.homes[result] = block.id;
      }
      eachOperandOfBlock(block, (operand) => {
        if (typeof operand !== 'number') return;
        const users = this.users[operand];
        if (users === undefined) this.users[operand] = [block.id];
        else if (users.at(-1) !== block.id) users.push(block.id);
      });
    }
  }

  /** Whether a value has no use behind an instruction of a block. */
  isLast(value: ValueId, instruction: Instruction, block: Block): boolean {
    if (this.within?.block !== block) this.within = new UsesWithin(block);
    return !this.within.isUsedBehind(value, instruction) && !this.liveBehind(value).has(block.id);
  }

  private liveBehind(value: ValueId): ReadonlySet<number> {
    const known = this.known.get(value);
    if (known !== undefined) return known;
    const live = new Set<number>();
    const home = this.homes[value];
    const work = (this.users[value] ?? []).filter((user) => user !== home);
    for (let block = work.pop(); block !== undefined; block = work.pop())
      for (const way of this.before.get(block) ?? []) {
        if (live.has(way)) continue;
        live.add(way);
        if (way !== home) work.push(way);
      }
    this.known.set(value, live);
    return live;
  }
}

/** Where a block uses values for the last time, the arguments of its edges included. */
class UsesWithin {
  private readonly places = new Map<Instruction, number>();
  private readonly last = new Map<ValueId, number>();

  constructor(readonly block: Block) {
    const { instructions, terminator } = block;
    let place = 0;
    const use = (operand: Operand): void => {
      if (typeof operand === 'number') this.last.set(operand, place);
    };
    for (const instruction of instructions) {
      this.places.set(instruction, place);
      eachOperand(instruction, use);
      place += 1;
    }
    eachTerminatorOperand(terminator, use);
    eachArgument(terminator, use);
  }

  isUsedBehind(value: ValueId, instruction: Instruction): boolean {
    const last = this.last.get(value);
    // Of what is not in the block, all of it is behind.
    return last !== undefined && last > (this.places.get(instruction) ?? -1);
  }
}
