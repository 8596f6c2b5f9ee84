/** Which instruction set this kernel has: found by loading programs of two or three instructions, not by its version. */
import {
  ALU,
  CLASS,
  encode,
  type Instruction,
  JMP,
  OPCODE_EXIT,
  SOURCE,
} from '../../dsl/object/instruction.ts';
import { VerifierError } from '../errors.ts';
import { closeDescriptor } from '../native/files.ts';
import { loadProgram } from './program.ts';

/** The `-mcpu` levels of clang: v2 has jumps on less, v3 32-bit ones, v4 sign-extending moves and more. */
export type InstructionSet = 'v1' | 'v2' | 'v3' | 'v4';

const none: Instruction = { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0 };
const zero: Instruction = { ...none, opcode: CLASS.alu64 | ALU.mov };
const exit: Instruction = { ...none, opcode: OPCODE_EXIT };

/** An instruction that came with each set, newest first; each is harmless behind `r0 = 0`. */
const FIRSTS: readonly (readonly [InstructionSet, Instruction])[] = [
  ['v4', { ...none, opcode: CLASS.alu64 | ALU.mov | SOURCE.register, offset: 8 }],
  ['v3', { ...none, opcode: CLASS.jmp32 | JMP.eq }],
  ['v2', { ...none, opcode: CLASS.jmp | JMP.le }],
];

function isKnown(instruction: Instruction): boolean {
  const code = encode([zero, instruction, exit]);
  try {
    closeDescriptor(loadProgram({ name: 'probe', kind: 'socketFilter', code, license: 'GPL' }));
    return true;
  } catch (error) {
    if (error instanceof VerifierError) return false;
    throw error;
  }
}

let known: InstructionSet | undefined;

/** The newest set that this kernel's verifier takes. Throws a KernelError where it loads nothing at all. */
export function kernelInstructionSet(): InstructionSet {
  known ??= FIRSTS.find(([, instruction]) => isKnown(instruction))?.[0] ?? 'v1';
  return known;
}
