/**
 * The BPF instruction set, RFC 9669: opcode constants and the 8-byte slot encoding. Everything that
 * touches bytecode (code generation, ELF, loader, VM, disassembler) uses these names.
 */

/** One slot: op:8, dst:4 (low nibble), src:4, off:16 signed, imm:32 signed; little-endian. */
export interface Instruction {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

export const SLOT_BYTES = 8;

/** Instruction classes (RFC 9669 section 3.1), the low three bits of an opcode. */
export const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

/** Source operand of ALU and JMP classes: the immediate or the source register. */
export const SOURCE = { imm: 0x00, register: 0x08 } as const;

/** ALU operations (section 4.1), the high four bits. */
export const ALU = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

/** Jump operations (section 4.3), the high four bits. */
export const JMP = {
  ja: 0x00,
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  call: 0x80,
  exit: 0x90,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const;

/** Load and store sizes (section 5), bits 3 and 4. */
export const SIZE = { word: 0x00, half: 0x08, byte: 0x10, double: 0x18 } as const;
export const SIZE_OF_BYTES: Readonly<Record<1 | 2 | 4 | 8, number>> = {
  1: SIZE.byte,
  2: SIZE.half,
  4: SIZE.word,
  8: SIZE.double,
};

/** Load and store modes (section 5), the high three bits. */
export const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;

/** Immediates of atomic instructions (section 5.3). */
export const ATOMIC = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  fetch: 0x01,
  exchange: 0xe1,
  compareExchange: 0xf1,
} as const;

/** `src` of a CALL (section 4.3.1) and of an LDDW (section 5.4). */
export const CALL = { helper: 0, local: 1, kfunc: 2 } as const;
export const LDDW = { imm: 0, mapFd: 1, mapValue: 2, code: 4 } as const;
export const OPCODE_LDDW = CLASS.ld | SIZE.double | MODE.imm;
export const OPCODE_CALL = CLASS.jmp | JMP.call;
export const OPCODE_EXIT = CLASS.jmp | JMP.exit;

/** Reads the slot at index `slot`. */
export function decode(code: Uint8Array, slot: number): Instruction {
  const at = slot * SLOT_BYTES;
  const view = new DataView(code.buffer, code.byteOffset + at, SLOT_BYTES);
  const registers = view.getUint8(1);
  return {
    opcode: view.getUint8(0),
    dst: registers & 0xf,
    src: registers >> 4,
    offset: view.getInt16(2, true),
    imm: view.getInt32(4, true),
  };
}

function write(view: DataView, at: number, { opcode, dst, src, offset, imm }: Instruction): void {
  view.setUint8(at, opcode);
  view.setUint8(at + 1, (src << 4) | dst);
  view.setInt16(at + 2, offset, true);
  view.setInt32(at + 4, imm, true);
}

/** Writes one slot at index `slot`. */
export function encodeAt(code: Uint8Array, slot: number, instruction: Instruction): void {
  write(new DataView(code.buffer, code.byteOffset + slot * SLOT_BYTES, SLOT_BYTES), 0, instruction);
}

/** Encodes a sequence of slots. */
export function encode(instructions: readonly Instruction[]): Uint8Array {
  const code = new Uint8Array(instructions.length * SLOT_BYTES);
  const view = new DataView(code.buffer);
  for (const [slot, instruction] of instructions.entries()) write(view, slot * SLOT_BYTES, instruction);
  return code;
}
