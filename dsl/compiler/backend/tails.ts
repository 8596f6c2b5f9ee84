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

/** Blocks, by their places in the function, that end in the same instruction and go to the same block. */
class Ends {
  /** By the block that they go to, -1 for none, and then by the instruction's number. */
  private readonly groups = new Map<number, Map<number, number[]>>();
  /** Those of two or more. */
  private readonly alike = new Set<number[]>();

  constructor(private readonly numbers: Numbers) {}

  add(place: number, { instructions, terminator }: MachineBlock): void {
    const last = instructions[instructions.length - 1];
    if (last === undefined || terminator.op === 'branch') return;
    const to = terminator.op === 'jump' ? terminator.to : -1;
    const number = this.numbers.of(last);
    const there = this.groups.get(to) ?? new Map<number, number[]>();
    const group = there.get(number) ?? [];
    group.push(place);
    if (group.length > 1) this.alike.add(group);
    this.groups.set(to, there.set(number, group));
  }

  /** Takes out two or more that are alike: of all such groups the one whose first block comes first. */
  take(): readonly number[] {
    let first: number[] = [];
    for (const group of this.alike)
      if (first.length === 0 || (group[0] ?? 0) < (first[0] ?? 0)) first = group;
    this.alike.delete(first);
    return first.splice(0);
  }
}

export function mergeTails(fn: MachineFunction): MachineFunction {
  const numbers = new Numbers();
  const ends = new Ends(numbers);
  const blocks = [...fn.blocks];
  for (const [place, block] of blocks.entries()) ends.add(place, block);
  let next = Math.max(...blocks.map(({ id }) => id)) + 1;
  for (let places = ends.take(); places.length > 0; places = ends.take()) {
    const group = places.flatMap((place) => blocks[place] ?? []);
    const length = commonTail(group, numbers);
    const id = next++;
    for (const [index, { instructions, ...block }] of group.entries()) {
      const place = places[index] ?? 0;
      const rest = instructions.slice(0, instructions.length - length);
      const { span } = instructions[rest.length] ?? block.terminator;
      const shortened: MachineBlock = {
        ...block,
        instructions: rest,
        terminator: { op: 'jump', to: id, span },
      };
      blocks[place] = shortened;
      ends.add(place, shortened);
    }
    const [model] = group;
    if (model === undefined) break;
    const tail: MachineBlock = {
      ...model,
      id,
      instructions: model.instructions.slice(model.instructions.length - length),
      frequency: group.reduce((sum, { frequency }) => sum + frequency, 0),
    };
    ends.add(blocks.push(tail) - 1, tail);
  }
  return { ...fn, blocks };
}
