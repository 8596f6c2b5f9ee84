/** RFC 9669 section 5.3: atomic operations, on the stack. */
import { ATOMIC } from '../../object/instruction.ts';
import { aluR, atomic, type InstructionVector, lddw, load, mov, storeR } from './build.ts';

const OLD = 0xf0f0_f0f0_0000_00ffn;
const OPERAND = 0x0ff0_0000_ffff_ff01n;

/** Operation, and what it makes of OLD and OPERAND in 64 and in 32 bits. */
const OPERATIONS: readonly (readonly ['add' | 'or' | 'and' | 'xor', bigint, bigint])[] = [
  ['add', 0x00e0_f0f1_0000_0000n, 0n],
  ['or', 0xfff0_f0f0_ffff_ffffn, 0xffff_ffffn],
  ['and', 0x00f0_0000_0000_0001n, 1n],
  ['xor', 0xff00_f0f0_ffff_fffen, 0xffff_fffen],
];

const prepared = [...lddw(1, OLD), storeR('double', 10, -8, 1), ...lddw(2, OPERAND)];
const result = load('double', 0, 10, -8);
/** What memory holds after a 32-bit operation: the upper word stays. */
const above = (low: bigint): bigint => ((OLD >> 32n) << 32n) | low;

export const ATOMICS: readonly InstructionVector[] = [
  ...OPERATIONS.flatMap(([name, wide, narrow]): InstructionVector[] => [
    {
      name: `atomic ${name} of a double`,
      body: [...prepared, atomic('double', ATOMIC[name], 10, -8, 2), result],
      expected: wide,
    },
    {
      name: `atomic ${name} of a word leaves the next`,
      body: [...prepared, atomic('word', ATOMIC[name], 10, -8, 2), result],
      expected: above(narrow),
    },
    {
      name: `atomic ${name} with fetch of a double gives the old value`,
      body: [
        ...prepared,
        atomic('double', ATOMIC[name] | ATOMIC.fetch, 10, -8, 2),
        result,
        aluR('xor', 0, 2),
      ],
      expected: wide ^ OLD,
    },
    {
      name: `atomic ${name} with fetch of a word gives the old word, zero-extended`,
      body: [...prepared, atomic('word', ATOMIC[name] | ATOMIC.fetch, 10, -8, 2), aluR('mov', 0, 2)],
      expected: 0xffn,
    },
    {
      name: `atomic ${name} without fetch leaves its source register`,
      body: [...prepared, atomic('double', ATOMIC[name], 10, -8, 2), aluR('mov', 0, 2)],
      expected: OPERAND,
    },
  ]),
  {
    name: 'exchange of a double stores the source and gives the old value',
    body: [...prepared, atomic('double', ATOMIC.exchange, 10, -8, 2), result, aluR('xor', 0, 2)],
    expected: OLD ^ OPERAND,
  },
  {
    name: 'exchange of a word leaves the next word',
    body: [...prepared, atomic('word', ATOMIC.exchange, 10, -8, 2), result],
    expected: above(0xffff_ff01n),
  },
  {
    name: 'compare-exchange of a double stores where r0 is the old value',
    body: [...prepared, aluR('mov', 0, 1), atomic('double', ATOMIC.compareExchange, 10, -8, 2), result],
    expected: OPERAND,
  },
  {
    name: 'compare-exchange of a double gives the old value where it differs, and stores nothing',
    body: [
      ...prepared,
      mov(0, 0),
      atomic('double', ATOMIC.compareExchange, 10, -8, 2),
      load('double', 1, 10, -8),
      aluR('sub', 1, 0),
      aluR('add', 0, 1),
    ],
    expected: OLD,
  },
  {
    name: 'compare-exchange of a word compares the low word of r0 only, and zero-extends the old one',
    body: [
      ...prepared,
      ...lddw(0, 0xdead_beef_0000_00ffn),
      atomic('word', ATOMIC.compareExchange, 10, -8, 2),
    ],
    expected: 0xffn,
  },
  {
    name: 'compare-exchange of a word stores the low word of its source',
    body: [...prepared, mov(0, 0xff), atomic('word', ATOMIC.compareExchange, 10, -8, 2), result],
    expected: above(0xffff_ff01n),
  },
];
