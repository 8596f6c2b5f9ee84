/**
 * A program that runs another's code many times over, so that programs of a nanosecond can be told apart: one call of
 * it costs more than they do. The context waits on the stack between the copies, where none of the code comes by.
 */
import type { ProgramImage } from '../../dsl/object/image.ts';
import {
  CLASS,
  decode,
  encode,
  type Instruction,
  JMP,
  MODE,
  OPCODE_EXIT,
  SIZE,
} from '../../dsl/object/instruction.ts';

const CONTEXT = { register: 1, slot: -512 };
const FRAME_POINTER = 10;

const saved: Instruction = {
  opcode: CLASS.stx | MODE.mem | SIZE.double,
  dst: FRAME_POINTER,
  src: CONTEXT.register,
  offset: CONTEXT.slot,
  imm: 0,
};
const restored: Instruction = {
  opcode: CLASS.ldx | MODE.mem | SIZE.double,
  dst: CONTEXT.register,
  src: FRAME_POINTER,
  offset: CONTEXT.slot,
  imm: 0,
};

/** The code `copies` times, each where the one before would exit; without records of source lines. */
export function repeated(program: ProgramImage, copies: number): ProgramImage {
  if (copies === 1) return program;
  if (program.functions.length > 1)
    throw new Error(`${program.name} has subprograms, whose exits are returns`);
  const length = program.code.length / 8;
  const body = Array.from({ length }, (_, slot) => decode(program.code, slot));
  // The second half of an LDDW has opcode 0, so that nothing but an exit looks like one.
  const copy = [
    restored,
    ...body.map((instruction, slot) =>
      instruction.opcode === OPCODE_EXIT
        ? { ...instruction, opcode: CLASS.jmp | JMP.ja, offset: length - slot - 1 }
        : instruction,
    ),
  ];
  const code = [saved, ...Array.from({ length: copies }, () => copy).flat()];
  return {
    name: program.name,
    kind: program.kind,
    code: encode([...code, { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 }]),
    relocations: Array.from({ length: copies }, (_, index) =>
      program.relocations.map(({ slot, target }) => ({ slot: 2 + index * copy.length + slot, target })),
    ).flat(),
    functions: [],
    lines: [],
  };
}
