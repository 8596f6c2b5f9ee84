/** Arithmetic, RFC 9669 section 4.1 and 4.2. Each function computes on one register in place. */
import { ALU } from '../object/instruction.ts';
import { divide64, multiply64, remainder64 } from './divide.ts';
import type { Registers } from './registers.ts';

// Local constants: every instruction tests them, and some module loaders make each read of an import a call.
const {
  add: ADD,
  sub: SUB,
  mul: MUL,
  div: DIV,
  mod: MOD,
  or: OR,
  and: AND,
  xor: XOR,
  lsh: LSH,
  rsh: RSH,
  arsh: ARSH,
  neg: NEG,
  mov: MOV,
} = ALU;

/** The `offset` of a signed division or modulo. */
const SIGNED = 1;

/**
 * A 64-bit operation on the register whose low word is at `d`; the operand is `high:low`. `offset` is the
 * instruction's: 1 for signed division, 8, 16 or 32 for a sign-extending move. False for an unknown operation.
 */
export function alu64(
  registers: Registers,
  operation: number,
  d: number,
  low: number,
  high: number,
  offset: number,
): boolean {
  const a = registers[d] as number;
  const b = registers[d + 1] as number;
  switch (operation) {
    case ADD: {
      const sum = (a >>> 0) + (low >>> 0);
      registers[d] = sum;
      registers[d + 1] = b + high + (sum > 0xffffffff ? 1 : 0);
      return true;
    }
    case SUB:
      registers[d] = a - low;
      registers[d + 1] = b - high - (a >>> 0 < low >>> 0 ? 1 : 0);
      return true;
    case MUL:
      multiply64(registers, d, low, high);
      return true;
    case DIV:
      divide64(registers, d, low, high, offset === SIGNED);
      return true;
    case MOD:
      remainder64(registers, d, low, high, offset === SIGNED);
      return true;
    case OR:
      registers[d] = a | low;
      registers[d + 1] = b | high;
      return true;
    case AND:
      registers[d] = a & low;
      registers[d + 1] = b & high;
      return true;
    case XOR:
      registers[d] = a ^ low;
      registers[d + 1] = b ^ high;
      return true;
    case LSH:
      shiftLeft(registers, d, low & 63);
      return true;
    case RSH:
      shiftRight(registers, d, low & 63, 0);
      return true;
    case ARSH:
      shiftRight(registers, d, low & 63, b >> 31);
      return true;
    case NEG:
      registers[d] = -a;
      registers[d + 1] = ~b + (a === 0 ? 1 : 0);
      return true;
    case MOV:
      move64(registers, d, low, high, offset);
      return true;
    default:
      return false;
  }
}

/** A 32-bit operation, which zeroes the upper half. False for an unknown operation. */
export function alu32(
  registers: Registers,
  operation: number,
  d: number,
  low: number,
  offset: number,
): boolean {
  const a = registers[d] as number;
  registers[d + 1] = 0;
  switch (operation) {
    case ADD:
      registers[d] = a + low;
      return true;
    case SUB:
      registers[d] = a - low;
      return true;
    case MUL:
      registers[d] = Math.imul(a, low);
      return true;
    case DIV:
      if (low === 0) registers[d] = 0;
      else registers[d] = offset === SIGNED ? a / low : (a >>> 0) / (low >>> 0);
      return true;
    case MOD:
      if (low !== 0) registers[d] = offset === SIGNED ? a % low : (a >>> 0) % (low >>> 0);
      return true;
    case OR:
      registers[d] = a | low;
      return true;
    case AND:
      registers[d] = a & low;
      return true;
    case XOR:
      registers[d] = a ^ low;
      return true;
    case LSH:
      registers[d] = a << low;
      return true;
    case RSH:
      registers[d] = a >>> low;
      return true;
    case ARSH:
      registers[d] = a >> low;
      return true;
    case NEG:
      registers[d] = -a;
      return true;
    case MOV:
      registers[d] = signExtend(low, offset);
      return true;
    default:
      return false;
  }
}

/**
 * Byte order, section 4.2: keeps the low `bits` bits, swapped when `swap`; the rest becomes zero.
 * False for a width other than 16, 32 and 64.
 */
export function convertByteOrder(registers: Registers, d: number, bits: number, swap: boolean): boolean {
  const low = registers[d] as number;
  const high = registers[d + 1] as number;
  switch (bits) {
    case 16:
      registers[d] = swap ? ((low & 0xff) << 8) | ((low >>> 8) & 0xff) : low & 0xffff;
      registers[d + 1] = 0;
      return true;
    case 32:
      registers[d] = swap ? swap32(low) : low;
      registers[d + 1] = 0;
      return true;
    case 64:
      if (swap) {
        registers[d] = swap32(high);
        registers[d + 1] = swap32(low);
      }
      return true;
    default:
      return false;
  }
}

function swap32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

/** The low `bits` bits with their sign; 0 stands for no extension. */
function signExtend(low: number, bits: number): number {
  if (bits === 8) return (low << 24) >> 24;
  if (bits === 16) return (low << 16) >> 16;
  return low;
}

function move64(registers: Registers, d: number, low: number, high: number, bits: number): void {
  const extended = signExtend(low, bits);
  registers[d] = extended;
  registers[d + 1] = bits === 0 ? high : extended >> 31;
}

function shiftLeft(registers: Registers, d: number, count: number): void {
  if (count === 0) return;
  const a = registers[d] as number;
  const b = registers[d + 1] as number;
  registers[d] = count < 32 ? a << count : 0;
  registers[d + 1] = count < 32 ? (b << count) | (a >>> (32 - count)) : a << (count - 32);
}

/** `fill`: what comes in from the left, 0 or -1. */
function shiftRight(registers: Registers, d: number, count: number, fill: number): void {
  if (count === 0) return;
  const a = registers[d] as number;
  const b = registers[d + 1] as number;
  const shifted = (n: number): number => (fill === 0 ? b >>> n : b >> n);
  registers[d] = count < 32 ? (a >>> count) | (b << (32 - count)) : shifted(count - 32);
  registers[d + 1] = count < 32 ? shifted(count) : fill;
}
