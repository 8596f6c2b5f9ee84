import { expect, test } from 'vitest';
import { ATOMIC, type Instruction } from '../object/instruction.ts';
import { describe } from './describe.ts';
import {
  alu,
  alu32R,
  aluR,
  atomic,
  callFunction,
  exit,
  goto,
  gotoLong,
  helper,
  jump,
  jump32R,
  load,
  store,
  storeR,
  swap,
  toBig,
} from './instruction-vectors/build.ts';

test.each<[Instruction, string]>([
  [alu('add', 1, -5), 'r1 += -5'],
  [alu32R('arsh', 3, 4), 'w3 s>>= w4'],
  [aluR('mov', 0, 9), 'r0 = r9'],
  [alu('neg', 2, 0), 'r2 = -r2'],
  [toBig(4, 16), 'r4 = be16 r4'],
  [swap(4, 64), 'r4 = bswap64 r4'],
  [jump('sgt', 1, 7, 3), 'if r1 s> 7 goto +3'],
  [jump32R('le', 1, 2, -3), 'if w1 <= w2 goto -3'],
  [goto(-1), 'goto -1'],
  [gotoLong(70000), 'goto +70000'],
  [helper(5), 'call helper 5'],
  [callFunction(2), 'call pc+2'],
  [exit, 'exit'],
  [load('half', 1, 2, -4), 'r1 = *(u16 *)(r2 -4)'],
  [store('byte', 10, -1, 3), '*(u8 *)(r10 -1) = 3'],
  [storeR('double', 10, -8, 6), '*(u64 *)(r10 -8) = r6'],
  [atomic('word', ATOMIC.add | ATOMIC.fetch, 1, 4, 2), 'atomic_fetch_add(*(u32 *)(r1 +4), r2)'],
])('%o reads %s', (instruction, text) => {
  expect(describe(instruction)).toBe(text);
});
