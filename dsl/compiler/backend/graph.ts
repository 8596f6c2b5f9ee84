/** The flow graph of machine code. */
import { type MachineBlock, type MachineFunction, successors } from './machine.ts';

/** Ids of the blocks with an edge to each block; two edges count twice. */
export function predecessorsOf(fn: MachineFunction): ReadonlyMap<number, readonly number[]> {
  const result = new Map<number, number[]>(fn.blocks.map((block) => [block.id, []]));
  for (const block of fn.blocks)
    for (const next of successors(block.terminator)) result.get(next)?.push(block.id);
  return result;
}

/** Reachable blocks in reverse postorder, the taken way of a branch first. */
export function reversePostorderOf(fn: MachineFunction): readonly MachineBlock[] {
  const byId = new Map(fn.blocks.map((block) => [block.id, block]));
  const seen = new Set<number>();
  const order: MachineBlock[] = [];
  const stack: { block: MachineBlock; rest: number[] }[] = [];
  const enter = (block: MachineBlock | undefined) => {
    if (!block || seen.has(block.id)) return;
    seen.add(block.id);
    stack.push({ block, rest: [...successors(block.terminator)] });
  };
  enter(fn.blocks[0]);
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const next = top.rest.pop();
    if (next !== undefined) enter(byId.get(next));
    else {
      order.push(top.block);
      stack.pop();
    }
  }
  return order.reverse();
}
