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

const LONG_JUMP = CLASS.jmp32 | JMP.ja;

/** What jumps by its `offset` within a program. */
const jumps = ({ opcode }: Instruction): boolean => {
  const kind = opcode & 7;
  const operation = opcode & 0xf0;
  if (kind === CLASS.jmp) return operation !== JMP.call && operation !== JMP.exit;
  return kind === CLASS.jmp32;
};

/**
 * The code `copies` times, each where the one before would exit; without records of source lines. A JIT makes the way out
 * at a program's first exit, where it costs no jump, and lets all others jump there (arch/x86/net/bpf_jit_comp.c, do_jit):
 * so a copy goes on at its first exit, and what stands behind that follows the last copy.
 */
export function repeated(program: ProgramImage, copies: number): ProgramImage {
  if (copies === 1) return program;
  if (program.functions.length > 1)
    throw new Error(`${program.name} has subprograms, whose exits are returns`);
  const length = program.code.length / 8;
  const body = Array.from({ length }, (_, slot) => decode(program.code, slot));
  if (body.some(({ opcode }) => opcode === LONG_JUMP))
    throw new Error(`${program.name} has a jump whose distance is no offset`);
  // The second half of an LDDW has opcode 0, so that nothing but an exit looks like one.
  const front = 1 + body.findIndex(({ opcode }) => opcode === OPCODE_EXIT);
  /** Where a copy begins, with what restores the context; the program's own exit behind the last one. */
  const start = (copy: number): number => 1 + copy * (1 + front);
  const place = (copy: number, slot: number): number =>
    slot < front ? start(copy) + 1 + slot : start(copies) + 1 + copy * (length - front) + slot - front;
  const code: Instruction[] = [saved];
  for (let copy = 0; copy < copies; copy++) {
    code[start(copy)] = restored;
    for (const [slot, instruction] of body.entries()) {
      const at = place(copy, slot);
      const offsetTo = (target: number): number => target - at - 1;
      if (instruction.opcode === OPCODE_EXIT)
        code[at] = { ...instruction, opcode: CLASS.jmp | JMP.ja, offset: offsetTo(start(copy + 1)) };
      else if (jumps(instruction))
        code[at] = { ...instruction, offset: offsetTo(place(copy, slot + 1 + instruction.offset)) };
      else code[at] = instruction;
    }
  }
  code[start(copies)] = { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 };
  return {
    name: program.name,
    kind: program.kind,
    code: encode(code),
    relocations: Array.from({ length: copies }, (_, copy) =>
      program.relocations.map(({ slot, target }) => ({ slot: place(copy, slot), target })),
    ).flat(),
    functions: [],
    lines: [],
  };
}
