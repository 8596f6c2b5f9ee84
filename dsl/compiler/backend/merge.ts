/** Blocks that do the same and go on to the same place become one: returns of the same verdict, above all. */
import { comparable } from './compare.ts';
import type { MachineBlock, MachineFunction, MachineTerminator } from './machine.ts';

/** The same terminator where its targets stay. */
function redirected(terminator: MachineTerminator, to: (id: number) => number): MachineTerminator {
  if (terminator.op === 'exit') return terminator;
  if (terminator.op === 'jump') {
    const target = to(terminator.to);
    return target === terminator.to ? terminator : { ...terminator, to: target };
  }
  const then = to(terminator.then);
  const otherwise = to(terminator.otherwise);
  return then === terminator.then && otherwise === terminator.otherwise
    ? terminator
    : { ...terminator, then, otherwise };
}

/** Merges until no two blocks are alike: those that led to merged ones may be now. */
export function mergeBlocks(fn: MachineFunction): MachineFunction {
  const texts = new Map<MachineBlock, string>();
  const textOf = (block: MachineBlock): string => {
    const text = texts.get(block) ?? [...block.instructions, block.terminator].map(comparable).join();
    texts.set(block, text);
    return text;
  };
  let blocks = fn.blocks;
  for (;;) {
    const kept = new Map<string, MachineBlock>();
    const replaced = new Map<number, number>();
    for (const block of blocks) {
      const text = textOf(block);
      const same = kept.get(text);
      kept.set(text, same ? { ...same, frequency: same.frequency + block.frequency } : block);
      if (same) replaced.set(block.id, same.id);
    }
    if (replaced.size === 0) return blocks === fn.blocks ? fn : { ...fn, blocks };
    const to = (id: number): number => replaced.get(id) ?? id;
    blocks = [...kept.values()].map((block) => {
      const terminator = redirected(block.terminator, to);
      return terminator === block.terminator ? block : { ...block, terminator };
    });
  }
}
