/** Bytecode decoded once into flat arrays, one element a slot, so that running it allocates nothing. */
import { decode, OPCODE_LDDW, SLOT_BYTES } from '../object/instruction.ts';
import { REGISTER_COUNT } from './registers.ts';

export interface DecodedCode {
  readonly opcodes: Uint8Array;
  /** Twice the register's number: the index of its low word. */
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly offsets: Int32Array;
  readonly imms: Int32Array;
  /** The high word of each LDDW's value (its low word is in `imms`); zero elsewhere. */
  readonly highs: Int32Array;
}

/** What an LDDW loads, as low and high words. */
export type Words = readonly [low: number, high: number];

/**
 * What an LDDW loads: `src` says what kind of value, `imm` and `next` are the immediates of its two slots.
 * Throws where there is nothing that it could mean.
 */
export type ResolveLddw = (slot: number, src: number, imm: number, next: number) => Words;

/** Decodes `code`; throws for a length that isn't whole slots and for half an LDDW. */
export function decodeCode(code: Uint8Array, resolve: ResolveLddw): DecodedCode {
  if (code.length % SLOT_BYTES !== 0) {
    throw new Error(`decode bytecode: ${code.length} bytes are not a whole number of 8-byte slots`);
  }
  const slots = code.length / SLOT_BYTES;
  const decoded = {
    opcodes: new Uint8Array(slots),
    dst: new Uint8Array(slots),
    src: new Uint8Array(slots),
    offsets: new Int32Array(slots),
    imms: new Int32Array(slots),
    highs: new Int32Array(slots),
  };
  for (let slot = 0; slot < slots; slot++) {
    const { opcode, dst, src, offset, imm } = decode(code, slot);
    if (dst >= REGISTER_COUNT || src >= REGISTER_COUNT) {
      throw new Error(`decode bytecode: slot ${slot} names r${Math.max(dst, src)}, and there are r0 to r10`);
    }
    decoded.opcodes[slot] = opcode;
    decoded.dst[slot] = 2 * dst;
    decoded.src[slot] = 2 * src;
    decoded.offsets[slot] = offset;
    decoded.imms[slot] = imm;
    if (opcode !== OPCODE_LDDW) continue;
    if (slot + 1 === slots) throw new Error(`decode bytecode: the lddw at slot ${slot} has no second half`);
    const next = decode(code, slot + 1).imm;
    const [low, high] = resolve(slot, src, imm, next);
    decoded.imms[slot] = low;
    decoded.highs[slot] = high;
    slot++;
  }
  return decoded;
}
