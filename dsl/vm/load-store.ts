/** Loads, stores and read-modify-write instructions, RFC 9669 section 5. */
import { MODE, SIZE } from '../object/instruction.ts';
import { atomic32, atomic64 } from './atomic.ts';
import type { Context } from './context.ts';
import { AccessError, type AddressSpace } from './memory.ts';
import type { Registers } from './registers.ts';

// Local constants: every instruction tests them, and some module loaders make each read of an import a call.
const { mem: MODE_MEM, memsx: MODE_MEMSX, atomic: MODE_ATOMIC, abs: MODE_ABS, ind: MODE_IND } = MODE;
const { byte: SIZE_BYTE, half: SIZE_HALF, word: SIZE_WORD } = SIZE;

interface Parts {
  readonly registers: Registers;
  readonly memory: AddressSpace;
  readonly context: Context;
}

const MODE_BITS = 0xe0;
const SIZE_BITS = 0x18;
/** Bytes of an access by the size bits of its opcode, shifted down. */
const SIZES = [4, 2, 1, 8];
/** SKF_NET_OFF, SKF_LL_OFF: offsets of legacy loads from here on count from the network or link header. */
const NETWORK_HEADER = -0x100000;
const LINK_HEADER = -0x200000;

/** LDX into the register at `d` from the address in the register at `s`. False for an unknown mode. */
export function load(parts: Parts, opcode: number, d: number, s: number, offset: number): boolean {
  const { registers: r, memory, context } = parts;
  const mode = opcode & MODE_BITS;
  const size = SIZES[(opcode & SIZE_BITS) >> 3] as number;
  if (mode !== MODE_MEM && (mode !== MODE_MEMSX || size === 8)) return false;
  const target = ((r[s] as number) >>> 0) + offset;
  const high = (r[s + 1] as number) + carryOf(target);
  memory.resolve(target, high, size, false);
  const { view, at } = memory;
  if (high === context.tag) {
    const tag = context.pointerTag(at, size);
    if (tag !== 0) {
      r[d] = context.pointerOffset(at);
      r[d + 1] = tag;
      return true;
    }
  }
  let low: number;
  let extension = 0;
  switch (opcode & SIZE_BITS) {
    case SIZE_BYTE:
      low = mode === MODE_MEMSX ? view.getInt8(at) : view.getUint8(at);
      break;
    case SIZE_HALF:
      low = mode === MODE_MEMSX ? view.getInt16(at, true) : view.getUint16(at, true);
      break;
    case SIZE_WORD:
      low = view.getInt32(at, true);
      break;
    default:
      low = view.getInt32(at, true);
      extension = view.getInt32(at + 4, true);
  }
  r[d] = low;
  r[d + 1] = mode === MODE_MEMSX ? low >> 31 : extension;
  return true;
}

/** Stores the value `high:low` at the address in the register at `d`. */
export function store(
  parts: Parts,
  opcode: number,
  d: number,
  offset: number,
  low: number,
  high: number,
): void {
  const { registers: r, memory, context } = parts;
  const size = SIZES[(opcode & SIZE_BITS) >> 3] as number;
  const target = ((r[d] as number) >>> 0) + offset;
  const targetHigh = (r[d + 1] as number) + carryOf(target);
  memory.resolve(target, targetHigh, size, true);
  const { view, at } = memory;
  switch (opcode & SIZE_BITS) {
    case SIZE_BYTE:
      view.setInt8(at, low);
      break;
    case SIZE_HALF:
      view.setInt16(at, low, true);
      break;
    case SIZE_WORD:
      view.setInt32(at, low, true);
      break;
    default:
      view.setInt32(at, low, true);
      view.setInt32(at + 4, high, true);
  }
  if (targetHigh === context.tag) context.stored(at, size);
}

/** An atomic instruction on the address in the register at `d`. False for an unknown operation, mode or size. */
export function readModifyWrite(
  parts: Parts,
  opcode: number,
  d: number,
  s: number,
  offset: number,
  imm: number,
): boolean {
  const { registers: r, memory, context } = parts;
  const size = SIZES[(opcode & SIZE_BITS) >> 3] as number;
  if ((opcode & MODE_BITS) !== MODE_ATOMIC || size < 4) return false;
  const target = ((r[d] as number) >>> 0) + offset;
  const high = (r[d + 1] as number) + carryOf(target);
  if (high === context.tag) throw new AccessError('atomic operation on the context: the verifier refuses it');
  memory.resolve(target, high, size, true);
  if (memory.at % size !== 0)
    throw new AccessError(`atomic operation at offset ${memory.at}: not aligned to ${size}`);
  const run = size === 8 ? atomic64 : atomic32;
  return run(r, imm, memory.view, memory.at, s);
}

/**
 * A legacy packet load (section 5.5): r0 becomes the big-endian value at `imm`, plus the register at `s` for IND.
 * `outside`: there is no such byte, and the function ends with r0 = 0.
 */
export function loadPacket(
  parts: Parts,
  opcode: number,
  s: number,
  imm: number,
): 'loaded' | 'outside' | 'unknown' {
  const { registers: r, context } = parts;
  const mode = opcode & MODE_BITS;
  const size = SIZES[(opcode & SIZE_BITS) >> 3] as number;
  if ((mode !== MODE_ABS && mode !== MODE_IND) || size === 8) return 'unknown';
  const skb = context.packet;
  if (skb === undefined || (r[13] as number) !== context.tag || (r[12] as number) !== 0) {
    throw new AccessError('load from the packet: r6 is not the context');
  }
  let at = mode === MODE_IND ? (imm + (r[s] as number)) | 0 : imm;
  if (at < 0) at = at >= NETWORK_HEADER ? at - NETWORK_HEADER + skb.networkOffset : at - LINK_HEADER;
  r[0] = 0;
  r[1] = 0;
  if (at < 0 || at + size > skb.len) return 'outside';
  let value = 0;
  for (let index = 0; index < size; index++) value = (value << 8) | (skb.data[at + index] as number);
  r[0] = value;
  return 'loaded';
}

/** What an address's low word carries into its high word, or borrows from it, when it becomes `low`. */
function carryOf(low: number): number {
  if (low < 0) return -1;
  return low > 0xffffffff ? 1 : 0;
}
