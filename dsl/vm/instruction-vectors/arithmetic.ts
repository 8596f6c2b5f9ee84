/** RFC 9669 sections 4.1 and 4.2: arithmetic, moves and byte order. */
import {
  alu,
  alu32,
  alu32R,
  aluR,
  type InstructionVector,
  lddw,
  mov,
  swap,
  toBig,
  toLittle,
} from './build.ts';

const LARGEST = 0xffff_ffff_ffff_ffffn;
const I64_MIN = 0x8000_0000_0000_0000n;
const MIXED = 0x0123_4567_89ab_cdefn;
const SIGNED = 1;

type Operation = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'or' | 'and' | 'xor' | 'lsh' | 'rsh' | 'arsh';

/** Operation, left, right, and the results in 64 and in 32 bits. */
const OPERATIONS: readonly (readonly [Operation, bigint, bigint, bigint, bigint])[] = [
  ['add', LARGEST, 1n, 0n, 0n],
  ['add', 0xffff_ffffn, 1n, 0x1_0000_0000n, 0n],
  ['add', MIXED, MIXED, 0x0246_8acf_1357_9bden, 0x1357_9bden],
  ['sub', 0n, 1n, LARGEST, 0xffff_ffffn],
  ['sub', 0x1_0000_0000n, 1n, 0xffff_ffffn, 0xffff_ffffn],
  ['mul', LARGEST, LARGEST, 1n, 1n],
  ['mul', 0xffff_ffffn, 0xffff_ffffn, 0xffff_fffe_0000_0001n, 1n],
  ['mul', MIXED, 0x9e37_79b9_7f4a_7c15n, 0x0c93_a7b7_9aed_a89bn, 0x9aed_a89bn],
  ['div', LARGEST, 3n, 0x5555_5555_5555_5555n, 0x5555_5555n],
  ['div', MIXED, 0n, 0n, 0n],
  ['div', I64_MIN, LARGEST, 0n, 0n],
  ['mod', LARGEST, 10n, 5n, 5n],
  ['mod', MIXED, 0n, MIXED, 0x89ab_cdefn],
  ['mod', LARGEST, 0x1_0000_0001n, 0n, 0n],
  ['or', 1n, 0xffff_ffff_ffff_fff0n, 0xffff_ffff_ffff_fff1n, 0xffff_fff1n],
  ['or', 0xf0f0_0000_0000_0000n, 0x0f00_0000_0000_00f0n, 0xfff0_0000_0000_00f0n, 0xf0n],
  ['and', MIXED, 0xffff_ffff_ffff_0000n, 0x0123_4567_89ab_0000n, 0x89ab_0000n],
  ['and', MIXED, 0xffff_0000_ffff_0000n, 0x0123_0000_89ab_0000n, 0x89ab_0000n],
  ['xor', MIXED, LARGEST, 0xfedc_ba98_7654_3210n, 0x7654_3210n],
  ['lsh', 1n, 63n, I64_MIN, 0x8000_0000n],
  ['lsh', MIXED, 64n, MIXED, 0x89ab_cdefn],
  ['lsh', MIXED, 32n, 0x89ab_cdef_0000_0000n, 0x89ab_cdefn],
  ['lsh', MIXED, 36n, 0x9abc_def0_0000_0000n, 0x9abc_def0n],
  ['rsh', LARGEST, 63n, 1n, 1n],
  ['rsh', MIXED, 4n, 0x0012_3456_789a_bcden, 0x089a_bcden],
  ['rsh', MIXED, 68n, 0x0012_3456_789a_bcden, 0x089a_bcden],
  ['arsh', I64_MIN, 63n, LARGEST, 0n],
  ['arsh', 0xffff_ffff_8000_0000n, 31n, LARGEST, 0xffff_ffffn],
  ['arsh', I64_MIN, 32n, 0xffff_ffff_8000_0000n, 0n],
];

/** Signed division: operation, left, right, result in 64 bits, and in 32 for operands that fit. */
const SIGNED_DIVISIONS: readonly (readonly ['div' | 'mod', bigint, bigint, bigint, bigint?])[] = [
  ['div', -7n, 2n, -3n, -3n],
  ['div', 7n, -2n, -3n, -3n],
  ['div', -7n, 0n, 0n, 0n],
  ['div', -(2n ** 63n), -1n, -(2n ** 63n)],
  ['div', -(2n ** 31n), -1n, 2n ** 31n, -(2n ** 31n)],
  ['mod', -7n, 2n, -1n, -1n],
  ['mod', 7n, -2n, 1n, 1n],
  ['mod', -7n, 0n, -7n, -7n],
  ['mod', -(2n ** 63n), -1n, 0n],
  ['mod', -(2n ** 31n), -1n, 0n, 0n],
];

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

const DIVISIONS: ReadonlySet<string> = new Set(['div', 'mod']);
const SHIFTS: ReadonlySet<string> = new Set(['lsh', 'rsh', 'arsh']);

/** Whether the verifier takes this right side as an immediate: no division by zero, no shift by the width or more. */
const isTaken = (operation: string, imm: number, width: 32 | 64): boolean =>
  !(DIVISIONS.has(operation) && imm === 0) && !(SHIFTS.has(operation) && (imm < 0 || imm >= width));

/** The operations of a right side that an instruction holds: in 64 bits it sign-extends, of 32 bits it is all. */
const IMMEDIATE = OPERATIONS.flatMap(([operation, left, right, wide, narrow]): InstructionVector[] => {
  const imm = Number(BigInt.asIntN(32, right));
  const name = `${operation} of ${left} and the immediate ${imm}`;
  const vector = (width: 32 | 64, instruction: ReturnType<typeof alu>, expected: bigint) =>
    isTaken(operation, imm, width)
      ? [{ name: `${name} in ${width} bits`, body: [...lddw(0, left), instruction], expected }]
      : [];
  return [
    ...(BigInt.asUintN(64, BigInt(imm)) === right ? vector(64, alu(operation, 0, imm), wide) : []),
    ...vector(32, alu32(operation, 0, imm), narrow),
  ];
});

/** The same of signed divisions. */
const SIGNED_IMMEDIATE = SIGNED_DIVISIONS.flatMap(
  ([operation, left, right, wide, narrow]): InstructionVector[] => {
    const name = `signed ${operation} of ${left} by the immediate ${right}`;
    const imm = Number(right);
    if (imm === 0) return [];
    return [
      {
        name: `${name} in 64 bits`,
        body: [...lddw(0, left), alu(operation, 0, imm, SIGNED)],
        expected: u64(wide),
      },
      ...(narrow === undefined
        ? []
        : [
            {
              name: `${name} in 32 bits`,
              body: [...lddw(0, left), alu32(operation, 0, imm, SIGNED)],
              expected: u32(narrow),
            },
          ]),
    ];
  },
);

export const ARITHMETIC: readonly InstructionVector[] = [
  ...IMMEDIATE,
  ...SIGNED_IMMEDIATE,
  ...OPERATIONS.flatMap(([operation, left, right, wide, narrow]): InstructionVector[] => [
    {
      name: `${operation} of ${left} and ${right} in 64 bits`,
      body: [...lddw(0, left), ...lddw(1, right), aluR(operation, 0, 1)],
      expected: wide,
    },
    {
      name: `${operation} of ${left} and ${right} in 32 bits`,
      body: [...lddw(0, left), ...lddw(1, right), alu32R(operation, 0, 1)],
      expected: narrow,
    },
  ]),
  ...SIGNED_DIVISIONS.flatMap(([operation, left, right, wide, narrow]): InstructionVector[] => [
    {
      name: `signed ${operation} of ${left} by ${right} in 64 bits`,
      body: [...lddw(0, left), ...lddw(1, right), aluR(operation, 0, 1, SIGNED)],
      expected: u64(wide),
    },
    ...(narrow === undefined
      ? []
      : [
          {
            name: `signed ${operation} of ${left} by ${right} in 32 bits`,
            body: [...lddw(0, left), ...lddw(1, right), alu32R(operation, 0, 1, SIGNED)],
            expected: u32(narrow),
          },
        ]),
  ]),
  {
    name: 'a 64-bit immediate operand is sign-extended',
    body: [mov(0, 0), alu('add', 0, -1)],
    expected: LARGEST,
  },
  {
    name: 'a negative immediate divisor is a large unsigned one',
    body: [...lddw(0, LARGEST), alu('div', 0, -2)],
    expected: 1n,
  },
  {
    name: 'a signed division takes a negative immediate',
    body: [mov(0, 9), alu('div', 0, -2, SIGNED)],
    expected: u64(-4n),
  },
  {
    name: 'an immediate shift masks its count in 64 bits',
    body: [mov(0, 1), alu('lsh', 0, 65)],
    expected: 2n,
    refused: 'invalid shift',
  },
  {
    name: 'an immediate shift masks its count in 32 bits',
    body: [mov(0, 1), alu32('lsh', 0, 33)],
    expected: 2n,
    refused: 'invalid shift',
  },
  {
    name: 'an immediate division by zero gives zero',
    body: [mov(0, 1), alu('div', 0, 0)],
    expected: 0n,
    refused: 'div by zero',
  },
  { name: 'negation in 64 bits', body: [mov(0, 5), alu('neg', 0, 0)], expected: u64(-5n) },
  { name: 'negation of the smallest', body: [...lddw(0, I64_MIN), alu('neg', 0, 0)], expected: I64_MIN },
  {
    name: 'negation borrows into the high word',
    body: [...lddw(0, 1n << 32n), alu('neg', 0, 0)],
    expected: u64(-(1n << 32n)),
  },
  {
    name: 'negation in 32 bits zeroes the high word',
    body: [mov(0, 5), alu32('neg', 0, 0)],
    expected: u32(-5n),
  },
  { name: 'a 64-bit move sign-extends its immediate', body: [mov(0, -2)], expected: u64(-2n) },
  { name: 'a 32-bit move zeroes the high word', body: [mov(0, -1), alu32('mov', 0, -2)], expected: u32(-2n) },
  {
    name: 'a 32-bit register move drops the high word',
    body: [...lddw(1, MIXED), alu32R('mov', 0, 1)],
    expected: 0x89ab_cdefn,
  },
  ...([8, 16, 32] as const).map(
    (bits): InstructionVector => ({
      name: `a move extends the sign of ${bits} bits to 64`,
      body: [...lddw(1, MIXED), aluR('mov', 0, 1, bits)],
      expected: u64(BigInt.asIntN(bits, MIXED)),
    }),
  ),
  ...([8, 16] as const).map(
    (bits): InstructionVector => ({
      name: `a move extends the sign of ${bits} bits to 32`,
      body: [...lddw(1, MIXED), alu32R('mov', 0, 1, bits)],
      expected: u32(BigInt.asIntN(bits, MIXED)),
    }),
  ),
  {
    name: 'a sign-extending move keeps a positive value',
    body: [...lddw(1, 0xffff_ff7fn), aluR('mov', 0, 1, 8)],
    expected: 0x7fn,
  },
  { name: 'le16 truncates', body: [...lddw(0, MIXED), toLittle(0, 16)], expected: 0xcdefn },
  { name: 'le32 truncates', body: [...lddw(0, MIXED), toLittle(0, 32)], expected: 0x89ab_cdefn },
  { name: 'le64 changes nothing', body: [...lddw(0, MIXED), toLittle(0, 64)], expected: MIXED },
  { name: 'be16 swaps and truncates', body: [...lddw(0, MIXED), toBig(0, 16)], expected: 0xefcdn },
  { name: 'be32 swaps and truncates', body: [...lddw(0, MIXED), toBig(0, 32)], expected: 0xefcd_ab89n },
  { name: 'be64 swaps', body: [...lddw(0, MIXED), toBig(0, 64)], expected: 0xefcd_ab89_6745_2301n },
  { name: 'bswap16 swaps and truncates', body: [...lddw(0, MIXED), swap(0, 16)], expected: 0xefcdn },
  { name: 'bswap32 swaps and truncates', body: [...lddw(0, MIXED), swap(0, 32)], expected: 0xefcd_ab89n },
  { name: 'bswap64 swaps', body: [...lddw(0, MIXED), swap(0, 64)], expected: 0xefcd_ab89_6745_2301n },
];
