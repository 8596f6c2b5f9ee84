/**
 * Registers as pairs of 32-bit words: register `n` has its low word at 2n and its high word at 2n + 1. JavaScript
 * computes fast on 32-bit integers and slowly on BigInt, so 64-bit values stay split wherever a program may be hot.
 */

/** r0 to r10. */
export const REGISTER_COUNT = 11;

export type Registers = Int32Array;

export function createRegisters(): Registers {
  return new Int32Array(REGISTER_COUNT * 2);
}

/** The word at `index`, which lies in range by construction. */
export function word(words: Int32Array, index: number): number {
  return words[index] as number;
}

/** Register `number` as an unsigned 64-bit value. */
export function readRegister(registers: Registers, number: number): bigint {
  return join(word(registers, 2 * number), word(registers, 2 * number + 1));
}

export function writeRegister(registers: Registers, number: number, value: bigint): void {
  registers[2 * number] = Number(BigInt.asIntN(32, value));
  registers[2 * number + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** Two words as an unsigned 64-bit value. */
export function join(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
