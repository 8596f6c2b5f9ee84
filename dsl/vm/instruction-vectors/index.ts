/** Programs that show each behaviour of the instruction set (RFC 9669), with the r0 that it must give. */
import { ARITHMETIC } from './arithmetic.ts';
import { ATOMICS } from './atomics.ts';
import type { InstructionVector } from './build.ts';
import { JUMPS } from './jumps.ts';
import { MEMORY } from './memory.ts';

export { assemble, type InstructionVector } from './build.ts';
export const INSTRUCTION_VECTORS: readonly InstructionVector[] = [
  ...ARITHMETIC,
  ...JUMPS,
  ...MEMORY,
  ...ATOMICS,
];
