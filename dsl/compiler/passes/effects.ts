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

const NOTHING: readonly Region[] = [];
const ALL_BUT_SETTINGS: readonly Region[] = ['context', 'packet', 'map', 'global', 'stack'];

/** Regions that an instruction may write. Settings never change while a program runs. */
export function writes(instruction: Instruction): readonly Region[] {
  switch (instruction.op) {
    case 'store':
    case 'atomic':
      return [instruction.region];
    case 'call':
      return ALL_BUT_SETTINGS;
    case 'helper':
      return instruction.pure || onlyObserves(instruction) || instruction.id === MAP_LOOKUP
        ? NOTHING
        : ALL_BUT_SETTINGS;
    default:
      return NOTHING;
  }
}

/** Whether `data` and `data_end` of the context may differ afterwards. */
export const movesPacket = (instruction: Instruction): boolean =>
  instruction.op === 'call' || (instruction.op === 'helper' && instruction.invalidatesPacket);
