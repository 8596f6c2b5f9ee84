/** What instructions may change: the memory model that the passes share. */
import type { Instruction, Region } from '../ir/ir.ts';
import { isRemovable } from '../ir/visit.ts';

/** enum bpf_func_id: bpf_map_lookup_elem, which only reads its key. */
const MAP_LOOKUP = 1;

/** Whether a helper only looks at the machine (clocks, random numbers, the CPU's number). */
const onlyObserves = (instruction: Instruction): boolean =>
  instruction.op === 'helper' && instruction.arguments.length === 0 && !instruction.invalidatesPacket;

/** Whether an instruction may go when nothing uses its result. */
export const mayGo = (instruction: Instruction): boolean =>
  isRemovable(instruction) || onlyObserves(instruction);

/** Regions that an instruction may write. Settings never change while a program runs. */
export function writes(instruction: Instruction): readonly Region[] {
  switch (instruction.op) {
    case 'store':
    case 'atomic':
      return [instruction.region];
    case 'call':
      return ['context', 'packet', 'map', 'global', 'stack'];
    case 'helper':
      if (instruction.pure || onlyObserves(instruction) || instruction.id === MAP_LOOKUP) {
        return [];
      }
      return ['context', 'packet', 'map', 'global', 'stack'];
    default:
      return [];
  }
}

/** Whether `data` and `data_end` of the context may differ afterwards. */
export const movesPacket = (instruction: Instruction): boolean =>
  instruction.op === 'call' || (instruction.op === 'helper' && instruction.invalidatesPacket);
