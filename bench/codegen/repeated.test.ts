import { expect, test } from 'vitest';
import { encode } from '../../dsl/object/instruction.ts';
import { alu, exit, jump, lddw, load, mov, storeR } from '../../dsl/vm/instruction-vectors/build.ts';
import { runCode } from '../../dsl/vm/vm.ts';
import { repeated } from './repeated.ts';

test('each copy runs once, whichever exit the one before takes', () => {
  const code = encode([
    load('byte', 2, 1, 0),
    alu('add', 2, 1),
    storeR('byte', 1, 0, 2),
    // An exit's bits, which are none.
    ...lddw(3, 0x95n << 32n),
    mov(1, 0),
    mov(0, 7),
    jump('eq', 2, 3, 1),
    exit,
    mov(0, 9),
    exit,
  ]);
  const program = {
    name: 'counter',
    kind: 'classifier',
    code,
    relocations: [],
    functions: [],
    lines: [],
  } as const;
  const ran = (copies: number): readonly [bigint, number | undefined] => {
    const memory = new Uint8Array(1);
    return [runCode(repeated(program, copies).code, memory), memory[0]];
  };
  expect(ran(1)).toEqual([7n, 1]);
  expect(ran(3)).toEqual([9n, 3]);
  expect(ran(32)).toEqual([7n, 32]);
});

test('a map is named in every copy', () => {
  const program = {
    name: 'mapped',
    kind: 'classifier',
    code: encode([mov(0, 0), ...lddw(1, 0n), exit]),
    relocations: [{ slot: 1, target: { kind: 'map', name: 'counts' } }],
    functions: [],
    lines: [],
  } as const;
  const slots = repeated(program, 2).relocations.map(({ slot }) => slot);
  // Behind the saving of the context, and that and the first copy.
  expect(slots).toEqual([3, 8]);
});
