/** RFC 9669 sections 5.1 to 5.4: loads, stores and 64-bit immediates, on the stack. */
import { aluR, type InstructionVector, lddw, load, loadSigned, mov, store, storeR } from './build.ts';

const MIXED = 0x8123_4567_89ab_cdefn;
const WIDTHS = [
  ['byte', 8],
  ['half', 16],
  ['word', 32],
  ['double', 64],
] as const;

export const MEMORY: readonly InstructionVector[] = [
  { name: 'lddw loads 64 bits', body: [...lddw(0, MIXED)], expected: MIXED },
  {
    name: 'the low half of an lddw is not sign-extended',
    body: [...lddw(0, 0xffff_ffffn)],
    expected: 0xffff_ffffn,
  },
  ...WIDTHS.flatMap(([size, bits]): InstructionVector[] => [
    {
      name: `a load of a ${size} is zero-extended`,
      body: [...lddw(1, MIXED), storeR('double', 10, -8, 1), load(size, 0, 10, -8)],
      expected: BigInt.asUintN(bits, MIXED),
    },
    {
      name: `a store of a ${size} leaves the bytes beyond it`,
      body: [
        mov(1, -1),
        storeR('double', 10, -8, 1),
        mov(2, 0),
        storeR(size, 10, -8, 2),
        load('double', 0, 10, -8),
      ],
      expected: BigInt.asUintN(64, -1n << BigInt(bits)),
    },
    {
      name: `a store of an immediate ${size} is sign-extended to it`,
      body: [store('double', 10, -8, 0), store(size, 10, -8, -2), load('double', 0, 10, -8)],
      expected: BigInt.asUintN(bits, -2n),
    },
  ]),
  ...(['byte', 'half', 'word'] as const).map(
    (size, index): InstructionVector => ({
      name: `a signed load of a ${size} is sign-extended`,
      body: [...lddw(1, MIXED), storeR('double', 10, -8, 1), loadSigned(size, 0, 10, -8)],
      expected: BigInt.asUintN(64, BigInt.asIntN(8 << index, MIXED)),
    }),
  ),
  {
    name: 'memory is little-endian',
    body: [...lddw(1, MIXED), storeR('double', 10, -8, 1), load('byte', 0, 10, -1)],
    expected: 0x81n,
  },
  {
    name: 'an address may be computed',
    body: [
      store('double', 10, -16, 77),
      aluR('mov', 1, 10),
      mov(2, -16),
      aluR('add', 1, 2),
      load('double', 0, 1, 0),
    ],
    expected: 77n,
  },
];
