/** Blocks that do the same and go on to the same place become one: returns of the same verdict, above all. */
import { comparable } from './compare.ts';
import type { MachineBlock, MachineFunction, MachineTerminator } from './machine.ts';

function redirected(terminator: MachineTerminator, to: (id: number) => number): MachineTerminator {
  if (terminator.op === 'exit') return terminator;
  if (terminator.op === 'jump') return { ...terminator, to: to(terminator.to) };
  return { ...terminator, then: to(terminator.then), otherwise: to(terminator.otherwise) };
}

/** Merges until no two blocks are alike: those that led to merged ones may be now. */
export function mergeBlocks(fn: MachineFunction): MachineFunction {
  let blocks = fn.blocks;
  for (;;) {
    const kept = new Map<string, MachineBlock>();
    const replaced = new Map<number, number>();
    for (const block of blocks) {
      const text = [...block.instructions, block.terminator].map(comparable).join();
      const same = kept.get(text);
      kept.set(text, same ? { ...same, frequency: same.frequency + block.frequency } : block);
      if (same) replaced.set(block.id, same.id);
    }
    if (replaced.size === 0) return { ...fn, blocks };
    const to = (id: number): number => replaced.get(id) ?? id;
    blocks = [...kept.values()].map((block) => ({
      ...block,
      terminator: redirected(block.terminator, to),
    }));
  }
}
