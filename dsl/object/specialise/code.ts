/** Bytecode as a list of operations with absolute jump targets, so that operations can come and go. */
import type { ProgramImage, Relocation } from '../image.ts';
import {
  CALL,
  CLASS,
  type Instruction,
  JMP,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SLOT_BYTES,
} from '../instruction.ts';

/** Where control goes after an operation: on, to its target, to either, or out of the function. */
export const FLOW = { next: 0, goto: 1, conditional: 2, exit: 3 } as const;
export type Flow = (typeof FLOW)[keyof typeof FLOW];

/** A piece of `.rodata`, in bytes. */
export interface Setting {
  readonly offset: number;
  readonly bytes: number;
  /** Whether it is extended by its sign to 64 bits. */
  readonly signed: boolean;
}

/** One instruction, an LDDW with both its slots. */
export interface Operation extends Instruction {
  readonly flow: Flow;
  /** The slot that it jumps to, calls or takes the address of; -1 for all others. */
  readonly target: number;
  /** The upper half of an LDDW's immediate. */
  readonly high: number;
  /** What the loader puts into an LDDW. */
  readonly relocation?: Relocation['target'] | undefined;
  /** Of an LDDW: whose value it is to hold, where that is not known yet (template.ts). */
  readonly setting?: Setting | undefined;
}

/** By slot of the program as it was; a hole where there is nothing: an LDDW's second slot, what was removed. */
export type Code = (Operation | undefined)[];

/** `src` of an LDDW that holds a subprogram's address (BPF_PSEUDO_FUNC). */
const LDDW_FUNCTION = 4;
const OPCODE_LONG_JUMP = CLASS.jmp32 | JMP.ja;

/** A goto whose distance is its immediate. */
export const isLongJump = ({ opcode }: Instruction): boolean => opcode === OPCODE_LONG_JUMP;

/** Refers to a subprogram: a call of it, or its address for a helper that calls back. */
export const refersToFunction = (operation: Operation): boolean =>
  operation.target >= 0 && operation.flow === FLOW.next;

/** The slots of an operation. */
export const widthOf = (operation: Operation): number => (operation.opcode === OPCODE_LDDW ? 2 : 1);

function flowOf(opcode: number): Flow {
  const kind = opcode & 7;
  if (kind !== CLASS.jmp && kind !== CLASS.jmp32) return FLOW.next;
  if (opcode === OPCODE_CALL) return FLOW.next;
  if (opcode === OPCODE_EXIT) return FLOW.exit;
  return (opcode & 0xf0) === JMP.ja ? FLOW.goto : FLOW.conditional;
}

function targetOf(slot: number, opcode: number, src: number, offset: number, imm: number): number {
  if (opcode === OPCODE_LDDW) return src === LDDW_FUNCTION ? slot + 1 + imm : -1;
  if (opcode === OPCODE_LONG_JUMP) return slot + 1 + imm;
  if (opcode === OPCODE_CALL) return src === CALL.local ? slot + 1 + imm : -1;
  const { goto, conditional } = FLOW;
  const flow = flowOf(opcode);
  return flow === goto || flow === conditional ? slot + 1 + offset : -1;
}

export function decodeProgram(program: ProgramImage): Code {
  const { buffer, byteOffset, byteLength } = program.code;
  const view = new DataView(buffer, byteOffset, byteLength);
  const relocations = new Map(program.relocations.map(({ slot, target }) => [slot, target]));
  const slots = byteLength / SLOT_BYTES;
  const code: Code = new Array(slots).fill(undefined);
  for (let slot = 0; slot < slots; slot++) {
    const at = slot * SLOT_BYTES;
    const opcode = view.getUint8(at);
    const registers = view.getUint8(at + 1);
    const src = registers >> 4;
    const offset = view.getInt16(at + 2, true);
    const imm = view.getInt32(at + 4, true);
    const wide = opcode === OPCODE_LDDW;
    code[slot] = {
      opcode,
      dst: registers & 0xf,
      src,
      offset,
      imm,
      flow: flowOf(opcode),
      target: targetOf(slot, opcode, src, offset, imm),
      high: wide ? view.getInt32(at + 12, true) : 0,
      relocation: wide ? relocations.get(slot) : undefined,
    };
    if (wide) slot++;
  }
  return code;
}

/** Where an operation of `code` begins at or after `slot`; the code's length when there is none. */
export function nextOperation(code: Code, slot: number): number {
  let at = slot;
  while (at < code.length && code[at] === undefined) at++;
  return at;
}
