/** The stack frame: where each slot lies below r10. */
import type { FrameSlot, MachineBlock } from './machine.ts';
import { BackendError } from './target.ts';

/** MAX_BPF_STACK, include/linux/filter.h. */
const FRAME_BYTES = 512;

/**
 * Offsets from r10 of the slots that the blocks use, each aligned; wide ones first, so that little is lost between
 * them. Throws when they need more than 512 bytes.
 */
export function layOutFrame(
  program: string,
  functionName: string,
  slots: readonly FrameSlot[],
  blocks: readonly MachineBlock[],
): readonly number[] {
  const used = new Set<number>();
  for (const block of blocks)
    for (const instruction of block.instructions) {
      if (instruction.op === 'frameAddress') used.add(instruction.slot);
      const address =
        instruction.op === 'load'
          ? instruction.from
          : instruction.op === 'store'
            ? instruction.to
            : instruction.op === 'atomic'
              ? instruction.at
              : undefined;
      if (address && 'slot' in address) used.add(address.slot);
    }
  const offsets = slots.map(() => 0);
  const order = [...used].sort(
    (left, right) => (slots[right]?.alignment ?? 0) - (slots[left]?.alignment ?? 0) || left - right,
  );
  let depth = 0;
  for (const number of order) {
    const slot = slots[number];
    if (!slot) continue;
    depth = Math.ceil((depth + slot.size) / slot.alignment) * slot.alignment;
    offsets[number] = -depth;
  }
  if (depth > FRAME_BYTES)
    throw new BackendError(
      `program ${program}: function ${functionName} needs ${depth} bytes of stack, the kernel allows ${FRAME_BYTES}: ` +
        'keep large values in a map, or move a part into a noinline function',
    );
  return offsets;
}
