/**
 * Tail merging, or cross-jumping: blocks that go on to the same place and end alike share that end, so that a verdict is
 * set once, however many ways lead to it. It takes no more jumps than before: of the blocks that went to one place, all
 * but one had to jump there anyway. Muchnick, Advanced Compiler Design and Implementation (1997), section 18.8.
 */
import { areAlike, Groups, hashOf } from './compare.ts';
import type { MachineBlock, MachineFunction, MachineInstruction } from './machine.ts';

/** Numbers instructions, those that do the same alike. */
class Numbers {
  private readonly groups = new Groups<MachineInstruction>(hashOf, areAlike);
  private readonly known = new Map<MachineInstruction, number>();

  of(instruction: MachineInstruction): number {
    const known = this.known.get(instruction);
    if (known !== undefined) return known;
    const [first = instruction] = this.groups.add(instruction);
    const number = this.known.get(first) ?? this.known.size;
    this.known.set(instruction, number);
    return number;
  }
}

/** How many instructions at the end are the same in all blocks. */
function commonTail(blocks: readonly MachineBlock[], numbers: Numbers): number {
  const fromEnd = ({ instructions }: MachineBlock, index: number): number | undefined => {
    const instruction = instructions[instructions.length - 1 - index];
    return instruction && numbers.of(instruction);
  };
  const [first, ...others] = blocks;
  const longest = first?.instructions.length ?? 0;
  for (let length = 0; first !== undefined && length < longest; length++)
    if (others.some((other) => fromEnd(other, length) !== fromEnd(first, length))) return length;
  return longest;
}

/** Blocks that end in the same instruction and go to the same place, two or more of them: the first such blocks. */
function alike(blocks: readonly MachineBlock[], numbers: Numbers): readonly MachineBlock[] | undefined {
  /** By the place, then by the instruction's number. */
  const groups = new Map<number, Map<number, MachineBlock[]>>();
  const order: MachineBlock[][] = [];
  for (const block of blocks) {
    const { instructions, terminator } = block;
    const last = instructions[instructions.length - 1];
    if (last === undefined || terminator.op === 'branch') continue;
    const place = terminator.op === 'jump' ? terminator.to : -1;
    const number = numbers.of(last);
    const there = groups.get(place) ?? new Map<number, MachineBlock[]>();
    const group = there.get(number);
    if (group !== undefined) {
      group.push(block);
      continue;
    }
    const own = [block];
    order.push(own);
    groups.set(place, there.set(number, own));
  }
  return order.find((group) => group.length > 1);
}

export function mergeTails(fn: MachineFunction): MachineFunction {
  const numbers = new Numbers();
  let blocks = fn.blocks;
  let next = Math.max(...blocks.map(({ id }) => id)) + 1;
  for (let group = alike(blocks, numbers); group !== undefined; group = alike(blocks, numbers)) {
    const length = commonTail(group, numbers);
    const id = next++;
    const tailOf = (instructions: readonly MachineInstruction[]) =>
      instructions.slice(instructions.length - length);
    const [model] = group;
    if (model === undefined) break;
    const tail: MachineBlock = {
      ...model,
      id,
      instructions: tailOf(model.instructions),
      frequency: group.reduce((sum, { frequency }) => sum + frequency, 0),
    };
    const shortened = new Set(group);
    const shared = blocks.map((block): MachineBlock => {
      if (!shortened.has(block)) return block;
      const { span } = tailOf(block.instructions)[0] ?? block.terminator;
      return {
        ...block,
        instructions: block.instructions.slice(0, -length),
        terminator: { op: 'jump', to: id, span },
      };
    });
    blocks = [...shared, tail];
  }
  return blocks === fn.blocks ? fn : { ...fn, blocks };
}
