/** Bytecode as a list of operations with absolute jump targets, so that operations can come and go. */
import type { ProgramImage, Relocation } from '../image.ts';
import { CALL, CLASS, type Instruction, JMP, OPCODE_CALL, OPCODE_EXIT, OPCODE_LDDW } from '../instruction.ts';

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

function targetOf(slot: number, flow: Flow, { opcode, src, offset, imm }: Instruction): number {
  if (flow === FLOW.conditional) return slot + 1 + offset;
  if (flow === FLOW.goto) return slot + 1 + (opcode === OPCODE_LONG_JUMP ? imm : offset);
  const refers =
    (opcode === OPCODE_CALL && src === CALL.local) || (opcode === OPCODE_LDDW && src === LDDW_FUNCTION);
  return refers ? slot + 1 + imm : -1;
}

/** Two words a slot: opcode, registers and offset in the first, the immediate in the second (RFC 9669, section 3). */
export const wordsOf = (code: Uint8Array): Int32Array =>
  new Int32Array(code.buffer, code.byteOffset, code.byteLength >> 2);

export function decodeProgram(program: ProgramImage): Code {
  // A copy, since the words of a file need not be aligned.
  const words = wordsOf(new Uint8Array(program.code));
  const relocations = new Map(program.relocations.map(({ slot, target }) => [slot, target]));
  const slots = words.length >> 1;
  const code: Code = new Array(slots).fill(undefined);
  for (let slot = 0; slot < slots; slot++) {
    const word = words[slot * 2] ?? 0;
    const opcode = word & 0xff;
    const wide = opcode === OPCODE_LDDW;
    const flow = flowOf(opcode);
    const operation = {
      opcode,
      dst: (word >> 8) & 0xf,
      src: (word >> 12) & 0xf,
      offset: word >> 16,
      imm: words[slot * 2 + 1] ?? 0,
      flow,
      target: -1,
      high: wide ? (words[slot * 2 + 3] ?? 0) : 0,
      relocation: wide ? relocations.get(slot) : undefined,
    };
    if (flow !== FLOW.next || wide || opcode === OPCODE_CALL)
      operation.target = targetOf(slot, flow, operation);
    code[slot] = operation;
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
