/** Short names for instructions, so that a vector reads as a program. */
import {
  ALU,
  CALL,
  CLASS,
  encode,
  type Instruction,
  JMP,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SOURCE,
} from '../../object/instruction.ts';

/**
 * A program for one behaviour of the instruction set. `body` leaves r0 and falls off its end, where the runner puts
 * what it needs before the exit; `functions` lie behind that exit, and `callFunction` reaches them.
 */
export interface InstructionVector {
  readonly name: string;
  readonly body: readonly Instruction[];
  readonly functions?: readonly Instruction[];
  /** r0, unsigned. */
  readonly expected: bigint;
  /** The kernel's verifier refuses it, for this reason; the machine itself would run it. */
  readonly refused?: string;
}

type AluName = keyof typeof ALU;
type JumpName = keyof typeof JMP;
type SizeName = keyof typeof SIZE;

const slot = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});

/** 64-bit arithmetic with an immediate, then with a register; `offset` 1 makes division signed. */
export const alu = (name: AluName, dst: number, imm: number, offset = 0): Instruction =>
  slot(CLASS.alu64 | ALU[name], dst, 0, offset, imm);
export const aluR = (name: AluName, dst: number, src: number, offset = 0): Instruction =>
  slot(CLASS.alu64 | ALU[name] | SOURCE.register, dst, src, offset);
/** The same in 32 bits. */
export const alu32 = (name: AluName, dst: number, imm: number, offset = 0): Instruction =>
  slot(CLASS.alu | ALU[name], dst, 0, offset, imm);
export const alu32R = (name: AluName, dst: number, src: number, offset = 0): Instruction =>
  slot(CLASS.alu | ALU[name] | SOURCE.register, dst, src, offset);
export const mov = (dst: number, imm: number): Instruction => alu('mov', dst, imm);

export const toLittle = (dst: number, bits: number): Instruction =>
  slot(CLASS.alu | ALU.end, dst, 0, 0, bits);
export const toBig = (dst: number, bits: number): Instruction =>
  slot(CLASS.alu | ALU.end | SOURCE.register, dst, 0, 0, bits);
export const swap = (dst: number, bits: number): Instruction => slot(CLASS.alu64 | ALU.end, dst, 0, 0, bits);

/** A 64-bit immediate: two slots. */
export const lddw = (dst: number, value: bigint): readonly Instruction[] => [
  slot(OPCODE_LDDW, dst, 0, 0, Number(BigInt.asIntN(32, value))),
  slot(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n))),
];

/** Jumps count slots from the next instruction. */
export const jump = (name: JumpName, dst: number, imm: number, offset: number): Instruction =>
  slot(CLASS.jmp | JMP[name], dst, 0, offset, imm);
export const jumpR = (name: JumpName, dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.jmp | JMP[name] | SOURCE.register, dst, src, offset);
export const jump32 = (name: JumpName, dst: number, imm: number, offset: number): Instruction =>
  slot(CLASS.jmp32 | JMP[name], dst, 0, offset, imm);
export const jump32R = (name: JumpName, dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.jmp32 | JMP[name] | SOURCE.register, dst, src, offset);
export const goto = (offset: number): Instruction => slot(CLASS.jmp | JMP.ja, 0, 0, offset);
export const gotoLong = (imm: number): Instruction => slot(CLASS.jmp32 | JMP.ja, 0, 0, 0, imm);

export const load = (size: SizeName, dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.ldx | SIZE[size] | MODE.mem, dst, src, offset);
export const loadSigned = (size: SizeName, dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.ldx | SIZE[size] | MODE.memsx, dst, src, offset);
export const store = (size: SizeName, dst: number, offset: number, imm: number): Instruction =>
  slot(CLASS.st | SIZE[size] | MODE.mem, dst, 0, offset, imm);
export const storeR = (size: SizeName, dst: number, offset: number, src: number): Instruction =>
  slot(CLASS.stx | SIZE[size] | MODE.mem, dst, src, offset);
export const atomic = (
  size: 'word' | 'double',
  imm: number,
  dst: number,
  offset: number,
  src: number,
): Instruction => slot(CLASS.stx | SIZE[size] | MODE.atomic, dst, src, offset, imm);

export const helper = (id: number): Instruction => slot(OPCODE_CALL, 0, CALL.helper, 0, id);
/** A call of the function that starts `imm` slots behind the next instruction. */
export const callFunction = (imm: number): Instruction => slot(OPCODE_CALL, 0, CALL.local, 0, imm);
export const exit = slot(OPCODE_EXIT);

/**
 * The vector as a program whose r0 is the vector's, or the upper half of it shifted down: where a run reports only
 * 32 bits, both together show all 64. Both have the same length, for calls behind the exit.
 */
export function assemble(vector: InstructionVector, half: 'low' | 'high' = 'low'): Uint8Array {
  const ending = half === 'high' ? alu('rsh', 0, 32) : aluR('mov', 0, 0);
  return encode([...vector.body, ending, exit, ...(vector.functions ?? [])]);
}
