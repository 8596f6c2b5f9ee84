import { expect, test } from 'vitest';
import { Skb } from '../machine/index.ts';
import { ATOMIC, CLASS, decode, MODE, OPCODE_CALL } from '../object/instruction.ts';
import { createVm } from '../vm/index.ts';
import { type CompileOptions, compile } from './compile.ts';
import { moduleOf } from './frontend/testing.ts';

const ATOMICS = `
  const state = global(struct({ a: u64, b: u64, c: u32, d: u64, e: u64 }));
  export const example = classifier((skb) => {
    const before = atomic.compareExchange(state, 'a', 0n, u64(skb.mark));
    const after = atomic.compareExchange(state, 'a', 0n, 99n);
    atomic.add(state, 'b', 5n);
    atomic.or(state, 'c', 0xf0);
    const swapped = atomic.exchange(state, 'd', 7n);
    const coarse = clock.coarse();
    atomic.xor(state, 'e', before + after + swapped);
    return coarse > 0n ? 1 : 0;
  });`;

function compiled(options: CompileOptions) {
  const [file, reading] = moduleOf(ATOMICS);
  const { object, diagnostics } = compile(file, { ...reading, ...options });
  expect(diagnostics).toEqual([]);
  return object!;
}

test('for 5.10 there is no atomic operation but add, and no coarse clock', () => {
  const [program] = compiled({ baseline: '5.10' }).programs;
  const slots = Array.from({ length: program!.code.length / 8 }, (_, slot) => decode(program!.code, slot));
  const atomics = slots.filter(({ opcode }) => (opcode & 7) === CLASS.stx && (opcode & 0xe0) === MODE.atomic);
  expect(atomics.map(({ imm }) => imm)).toEqual([ATOMIC.add]);
  const calls = slots.filter(({ opcode }) => opcode === OPCODE_CALL).map(({ imm }) => imm);
  expect(calls).toEqual([5]);
});

test('both baselines do the same on one CPU', () => {
  const results = (['5.12', '5.10'] as const).map((baseline) => {
    const vm = createVm(compiled({ baseline, seams: 'memory' }));
    const outcomes = [17, 0, 4].map((mark) => vm.run('example', new Skb(new Uint8Array(60), { mark })).r0);
    return { outcomes, state: Buffer.from(vm.sections.get('.bss')!).toString('hex') };
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[0]!.state).toMatch(/^11000000/);
});

/** The count and the round's number are those of the loop's start, whatever the body does. */
const LONG = `
  const state = global(struct({ rounds: u32, sum: u64 }));
  function firstFrom(value: u32, count: u32): i32 {
    for (const i of range(min(count, 8192))) if (i * i > value) return i32(i);
    return -1;
  }
  export const example = classifier((skb) => {
    for (const i of range(min(skb.mark, 5000))) {
      state.rounds += 1;
      skb.mark = 9;
      if (i === 1) continue;
      if (i > 3000) break;
      state.sum += u64(i);
    }
    return firstFrom(10, skb.priority);
  });`;

test('for 5.10 a long loop is one that the verifier walks, and does the same', () => {
  const results = (['5.12', '5.10'] as const).map((baseline) => {
    const [file, reading] = moduleOf(LONG);
    const { object, diagnostics } = compile(file, { ...reading, baseline });
    expect(diagnostics).toEqual([]);
    const vm = createVm(object!);
    const outcomes = [
      [1000, 5000],
      [5000, 3],
      [0, 0],
    ].map(
      ([mark = 0, priority = 0]) => vm.run('example', new Skb(new Uint8Array(60), { mark, priority })).r0,
    );
    return { outcomes, state: Buffer.from(vm.sections.get('.bss')!).toString('hex') };
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[0]!.outcomes).toEqual([4n, 0xffffffffn, 0xffffffffn]);
});
