/**
 * Tail merging, or cross-jumping: blocks that go on to the same place and end alike share that end, so that a verdict is
 * set once, however many ways lead to it. It takes no more jumps than before: of the blocks that went to one place, all
 * but one had to jump there anyway. Muchnick, Advanced Compiler Design and Implementation (1997), section 18.8.
 */
import { comparable } from './compare.ts';
import type { MachineBlock, MachineFunction, MachineInstruction } from './machine.ts';

/** How many instructions at the end are the same in all blocks. */
function commonTail(blocks: readonly MachineBlock[]): number {
  const [first, ...others] = blocks.map(({ instructions }) => instructions.toReversed().map(comparable));
  const length = first?.findIndex((text, index) => others.some((other) => other[index] !== text)) ?? 0;
  return length < 0 ? (first?.length ?? 0) : length;
}

/** Blocks that end in the same instruction and go to the same place, two or more of them. */
function alike(blocks: readonly MachineBlock[]): readonly MachineBlock[] | undefined {
  const groups = new Map<string, MachineBlock[]>();
  for (const block of blocks) {
    const last = block.instructions.at(-1);
    if (last === undefined || block.terminator.op === 'branch') continue;
    const key = `${comparable(last)} ${comparable(block.terminator)}`;
    groups.set(key, [...(groups.get(key) ?? []), block]);
  }
  return [...groups.values()].find((group) => group.length > 1);
}

export function mergeTails(fn: MachineFunction): MachineFunction {
  let blocks = fn.blocks;
  let next = Math.max(...blocks.map(({ id }) => id)) + 1;
  for (let group = alike(blocks); group !== undefined; group = alike(blocks)) {
    const length = commonTail(group);
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
    blocks = [
      ...blocks.map((block): MachineBlock => {
        if (!shortened.has(block)) return block;
        const { span } = tailOf(block.instructions)[0] ?? block.terminator;
        return {
          ...block,
          instructions: block.instructions.slice(0, -length),
          terminator: { op: 'jump', to: id, ...(span && { span }) },
        };
      }),
      tail,
    ];
  }
  return { ...fn, blocks };
}
