/** Random operands against BigInt, which computes the same meaning another way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALU, JMP } from '../object/instruction.ts';
import { alu32, alu64, convertByteOrder } from './alu.ts';
import { holds32, holds64 } from './jump.ts';
import { createRegisters, readRegister, word, writeRegister } from './registers.ts';

type Meaning = (left: bigint, right: bigint, bits: number) => bigint;

const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value);
const count = (right: bigint, bits: number): bigint => right & BigInt(bits - 1);

const MEANINGS: readonly (readonly [string, number, number, Meaning])[] = [
  ['add', ALU.add, 0, (a, b) => a + b],
  ['sub', ALU.sub, 0, (a, b) => a - b],
  ['mul', ALU.mul, 0, (a, b) => a * b],
  ['div', ALU.div, 0, (a, b) => (b === 0n ? 0n : a / b)],
  ['mod', ALU.mod, 0, (a, b) => (b === 0n ? a : a % b)],
  ['signed div', ALU.div, 1, (a, b, bits) => (b === 0n ? 0n : signed(a, bits) / signed(b, bits))],
  ['signed mod', ALU.mod, 1, (a, b, bits) => (b === 0n ? a : signed(a, bits) % signed(b, bits))],
  ['or', ALU.or, 0, (a, b) => a | b],
  ['and', ALU.and, 0, (a, b) => a & b],
  ['xor', ALU.xor, 0, (a, b) => a ^ b],
  ['lsh', ALU.lsh, 0, (a, b, bits) => a << count(b, bits)],
  ['rsh', ALU.rsh, 0, (a, b, bits) => a >> count(b, bits)],
  ['arsh', ALU.arsh, 0, (a, b, bits) => signed(a, bits) >> count(b, bits)],
  ['neg', ALU.neg, 0, (a) => -a],
  ['mov', ALU.mov, 0, (_, b) => b],
];

/** Values of every magnitude, and those around powers of two. */
const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.tuple(fc.integer({ min: 0, max: 64 }), fc.integer({ min: -2, max: 2 })).map(([power, near]) => {
    return BigInt.asUintN(64, (1n << BigInt(power)) + BigInt(near));
  }),
  fc.integer({ min: -100, max: 100 }).map((small) => BigInt.asUintN(64, BigInt(small))),
);

const load = (left: bigint, right: bigint): Int32Array => {
  const registers = createRegisters();
  writeRegister(registers, 1, left);
  writeRegister(registers, 2, right);
  return registers;
};

test.each(MEANINGS)('%s of 64 bits is that of integers modulo 2^64', (_, operation, offset, meaning) => {
  fc.assert(
    fc.property(value, value, (left, right) => {
      const registers = load(left, right);
      expect(alu64(registers, operation, 2, word(registers, 4), word(registers, 5), offset)).toBe(true);
      expect(readRegister(registers, 1)).toBe(BigInt.asUintN(64, meaning(left, right, 64)));
    }),
    { numRuns: 300 },
  );
});

test.each(MEANINGS)(
  '%s of 32 bits is that of integers modulo 2^32, zero-extended',
  (_, operation, offset, meaning) => {
    fc.assert(
      fc.property(value, value, (left, right) => {
        const registers = load(left, right);
        expect(alu32(registers, operation, 2, word(registers, 4), offset)).toBe(true);
        const narrow = (of: bigint): bigint => BigInt.asUintN(32, of);
        expect(readRegister(registers, 1)).toBe(narrow(meaning(narrow(left), narrow(right), 32)));
      }),
      { numRuns: 300 },
    );
  },
);

const COMPARISONS: readonly (readonly [string, number, (a: bigint, b: bigint, bits: number) => boolean])[] = [
  ['eq', JMP.eq, (a, b) => a === b],
  ['ne', JMP.ne, (a, b) => a !== b],
  ['gt', JMP.gt, (a, b) => a > b],
  ['ge', JMP.ge, (a, b) => a >= b],
  ['lt', JMP.lt, (a, b) => a < b],
  ['le', JMP.le, (a, b) => a <= b],
  ['sgt', JMP.sgt, (a, b, bits) => signed(a, bits) > signed(b, bits)],
  ['sge', JMP.sge, (a, b, bits) => signed(a, bits) >= signed(b, bits)],
  ['slt', JMP.slt, (a, b, bits) => signed(a, bits) < signed(b, bits)],
  ['sle', JMP.sle, (a, b, bits) => signed(a, bits) <= signed(b, bits)],
  ['set', JMP.set, (a, b) => (a & b) !== 0n],
];

test.each(COMPARISONS)('%s compares as integers do', (_, operation, meaning) => {
  fc.assert(
    fc.property(value, fc.option(value), (left, other) => {
      const right = other ?? left;
      const r = load(left, right);
      expect(holds64(operation, word(r, 2), word(r, 3), word(r, 4), word(r, 5))).toBe(
        meaning(left, right, 64),
      );
      const narrow = (of: bigint): bigint => BigInt.asUintN(32, of);
      expect(holds32(operation, word(r, 2), word(r, 4))).toBe(meaning(narrow(left), narrow(right), 32));
    }),
    { numRuns: 300 },
  );
});

test('an operation, width or comparison that the instruction set lacks is not run', () => {
  const registers = createRegisters();
  expect(alu64(registers, 0xe0, 0, 0, 0, 0)).toBe(false);
  expect(alu32(registers, 0xf0, 0, 0, 0)).toBe(false);
  expect(convertByteOrder(registers, 0, 8, true)).toBe(false);
  expect(holds64(0xe0, 0, 0, 0, 0)).toBeUndefined();
  expect(holds32(0xf0, 0, 0)).toBeUndefined();
});
