/** 64-bit multiplication, division and modulo on pairs of words. */
import { join, type Registers } from './registers.ts';

const WORD = 0x100000000;
/** High words below this make numbers that a double holds exactly, so that its division and % are exact too. */
const EXACT_HIGH = 0x200000;

/** The low 64 bits of the product, from 16-bit halves of the low words. */
export function multiply64(registers: Registers, d: number, low: number, high: number): void {
  const a = registers[d] as number;
  const b = registers[d + 1] as number;
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const c0 = low & 0xffff;
  const c1 = low >>> 16;
  const least = a0 * c0;
  const middle = a0 * c1 + a1 * c0 + (least >>> 16);
  registers[d] = (least & 0xffff) | (middle << 16);
  registers[d + 1] = a1 * c1 + Math.floor(middle / 0x10000) + Math.imul(b, low) + Math.imul(a, high);
}

/** Quotient; 0 for a zero divisor. Signed division truncates, and INT64_MIN / -1 is INT64_MIN. */
export function divide64(registers: Registers, d: number, low: number, high: number, signed: boolean): void {
  if (low === 0 && high === 0) {
    registers[d] = 0;
    registers[d + 1] = 0;
    return;
  }
  const negative = signed && (registers[d + 1] as number) < 0 !== high < 0;
  if (signed && (registers[d + 1] as number) < 0) negate(registers, d);
  const flip = signed && high < 0;
  unsigned(registers, d, flip ? -low : low, flip ? negatedHigh(low, high) : high, false);
  if (negative) negate(registers, d);
}

/** Remainder with the dividend's sign; the dividend for a zero divisor. */
export function remainder64(
  registers: Registers,
  d: number,
  low: number,
  high: number,
  signed: boolean,
): void {
  if (low === 0 && high === 0) return;
  const negative = signed && (registers[d + 1] as number) < 0;
  if (negative) negate(registers, d);
  const flip = signed && high < 0;
  unsigned(registers, d, flip ? -low : low, flip ? negatedHigh(low, high) : high, true);
  if (negative) negate(registers, d);
}

function unsigned(registers: Registers, d: number, low: number, high: number, remainder: boolean): void {
  const a = registers[d] as number;
  const b = registers[d + 1] as number;
  if (b >>> 0 < EXACT_HIGH && high >>> 0 < EXACT_HIGH) {
    const dividend = (b >>> 0) * WORD + (a >>> 0);
    const divisor = (high >>> 0) * WORD + (low >>> 0);
    const result = remainder ? dividend % divisor : Math.floor(dividend / divisor);
    registers[d] = result;
    registers[d + 1] = result / WORD;
    return;
  }
  const dividend = join(a, b);
  const divisor = join(low, high);
  const result = remainder ? dividend % divisor : dividend / divisor;
  registers[d] = Number(result & 0xffffffffn);
  registers[d + 1] = Number(result >> 32n);
}

function negate(registers: Registers, d: number): void {
  const high = negatedHigh(registers[d] as number, registers[d + 1] as number);
  registers[d] = -(registers[d] as number);
  registers[d + 1] = high;
}

function negatedHigh(low: number, high: number): number {
  return ~high + (low === 0 ? 1 : 0);
}
