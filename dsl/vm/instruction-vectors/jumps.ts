/** RFC 9669 section 4.3: jumps and calls. */
import {
  alu,
  aluR,
  callFunction,
  exit,
  goto,
  gotoLong,
  type InstructionVector,
  jump,
  jump32,
  jump32R,
  jumpR,
  lddw,
  load,
  mov,
  store,
} from './build.ts';

type Condition = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'sgt' | 'sge' | 'slt' | 'sle' | 'set';

const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const HIGH_BIT = 1n << 32n;

/** Left, right, and the conditions that hold in 64 bits and in 32. */
const COMPARISONS: readonly (readonly [bigint, bigint, readonly Condition[], readonly Condition[]])[] = [
  [5n, 5n, ['eq', 'ge', 'le', 'sge', 'sle', 'set'], ['eq', 'ge', 'le', 'sge', 'sle', 'set']],
  [1n, 2n, ['ne', 'lt', 'le', 'slt', 'sle'], ['ne', 'lt', 'le', 'slt', 'sle']],
  [ALL_ONES, 1n, ['ne', 'gt', 'ge', 'slt', 'sle', 'set'], ['ne', 'gt', 'ge', 'slt', 'sle', 'set']],
  [1n, ALL_ONES, ['ne', 'lt', 'le', 'sgt', 'sge', 'set'], ['ne', 'lt', 'le', 'sgt', 'sge', 'set']],
  [HIGH_BIT, 0n, ['ne', 'gt', 'ge', 'sgt', 'sge'], ['eq', 'ge', 'le', 'sge', 'sle']],
  [HIGH_BIT, 1n, ['ne', 'gt', 'ge', 'sgt', 'sge'], ['ne', 'lt', 'le', 'slt', 'sle']],
  [0x8000_0000n, 1n, ['ne', 'gt', 'ge', 'sgt', 'sge'], ['ne', 'gt', 'ge', 'slt', 'sle']],
];
const CONDITIONS: readonly Condition[] = [
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
  'sgt',
  'sge',
  'slt',
  'sle',
  'set',
];

const after = (
  condition: ReturnType<typeof jump>,
  left: bigint,
  right: bigint,
): InstructionVector['body'] => [...lddw(1, left), ...lddw(2, right), mov(0, 1), condition, mov(0, 0)];

export const JUMPS: readonly InstructionVector[] = [
  ...COMPARISONS.flatMap(([left, right, wide, narrow]) =>
    CONDITIONS.flatMap((condition): InstructionVector[] => [
      {
        name: `${left} ${condition} ${right} in 64 bits`,
        body: after(jumpR(condition, 1, 2, 1), left, right),
        expected: wide.includes(condition) ? 1n : 0n,
      },
      {
        name: `${left} ${condition} ${right} in 32 bits`,
        body: after(jump32R(condition, 1, 2, 1), left, right),
        expected: narrow.includes(condition) ? 1n : 0n,
      },
      {
        name: `${left} ${condition} the immediate ${BigInt.asIntN(64, right)} in 64 bits`,
        body: after(jump(condition, 1, Number(BigInt.asIntN(64, right)), 1), left, right),
        expected: wide.includes(condition) ? 1n : 0n,
      },
      {
        name: `${left} ${condition} the immediate ${BigInt.asIntN(64, right)} in 32 bits`,
        body: after(jump32(condition, 1, Number(BigInt.asIntN(64, right)), 1), left, right),
        expected: narrow.includes(condition) ? 1n : 0n,
      },
    ]),
  ),
  {
    name: 'a 64-bit comparison sign-extends its immediate',
    body: after(jump('eq', 1, -1, 1), ALL_ONES, 0n),
    expected: 1n,
  },
  {
    name: 'a 32-bit comparison looks at the low word only',
    body: after(jump32('eq', 1, -1, 1), 0xffff_ffffn, 0n),
    expected: 1n,
  },
  {
    name: 'goto skips',
    body: [mov(0, 1), goto(1), mov(0, 2), alu('add', 0, 4)],
    expected: 5n,
    refused: 'unreachable',
  },
  {
    name: 'gotol skips',
    body: [mov(0, 1), gotoLong(1), mov(0, 2), alu('add', 0, 4)],
    expected: 5n,
    refused: 'unreachable',
  },
  {
    name: 'gotol skips what another jump reaches',
    body: [mov(0, 1), jump('eq', 0, 2, 1), gotoLong(1), mov(0, 2), alu('add', 0, 4)],
    expected: 5n,
  },
  {
    name: 'a backward jump loops',
    body: [mov(0, 0), mov(1, 10), aluR('add', 0, 1), alu('sub', 1, 1), jump('ne', 1, 0, -3)],
    expected: 55n,
  },
  {
    name: 'a called function has its arguments and gives r0',
    // Behind the body lie two more slots before the first function.
    body: [mov(1, 40), mov(2, 2), callFunction(2)],
    functions: [aluR('mov', 0, 1), aluR('add', 0, 2), exit],
    expected: 42n,
  },
  {
    name: 'a call preserves r6 to r9 and the stack',
    body: [
      mov(6, 6),
      mov(9, 9),
      store('double', 10, -8, 5),
      callFunction(5),
      load('double', 0, 10, -8),
      aluR('add', 0, 6),
      aluR('add', 0, 9),
    ],
    functions: [mov(6, 100), mov(9, 100), store('double', 10, -8, 1000), mov(0, 0), exit],
    expected: 20n,
  },
  {
    name: 'functions nest',
    body: [mov(1, 1), callFunction(2)],
    functions: [
      alu('add', 1, 1),
      callFunction(2),
      alu('add', 0, 100),
      exit,
      aluR('mov', 0, 1),
      alu('lsh', 0, 4),
      exit,
    ],
    expected: 132n,
  },
];
