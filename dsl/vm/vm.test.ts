import { expect, test } from 'vitest';
import { Clock } from '../machine/clock.ts';
import { MAP_HELPERS } from '../machine/helpers.ts';
import type { ValueMap } from '../machine/maps.ts';
import type { ProgramArray } from '../machine/reference-maps.ts';
import type { RingBuffer } from '../machine/ring-buffer.ts';
import { Skb } from '../machine/skb.ts';
import type { MapImage, ObjectImage, ProgramImage, Relocation } from '../object/image.ts';
import { CLASS, encode, type Instruction, MODE, SIZE } from '../object/instruction.ts';
import {
  alu,
  aluR,
  atomic,
  callFunction,
  exit,
  goto,
  helper,
  jump,
  jumpR,
  lddw,
  load,
  mov,
  store,
  storeR,
} from './instruction-vectors/build.ts';
import { createVm, type RunInput, runCode, type Vm, type VmOptions } from './vm.ts';

const program = (
  body: readonly Instruction[],
  relocations: readonly Relocation[] = [],
  name = 'tested',
): ProgramImage => ({
  name,
  kind: 'classifier',
  code: encode(body),
  relocations,
  functions: [],
  lines: [],
});
const map = (changes: Partial<MapImage>): MapImage => ({
  name: 'state',
  kind: 'array',
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
  flags: 0,
  ...changes,
});
const vmOf = (
  body: readonly Instruction[],
  object: Partial<ObjectImage> = {},
  relocations: readonly Relocation[] = [],
  options?: VmOptions,
): Vm =>
  createVm(
    {
      license: 'GPL',
      maps: [],
      sections: [],
      ...object,
      programs: [program(body, relocations), ...(object.programs ?? [])],
    },
    options,
  );
const packet = (length = 64): Skb => new Skb(Uint8Array.from({ length }, (_, index) => index));
const run = (body: readonly Instruction[], input: RunInput = packet()): bigint =>
  vmOf(body).run('tested', input).r0;

/** An LDDW that the map's relocation fills in. */
const mapAt = (slot: number, name = 'state'): Relocation => ({ slot, target: { kind: 'map', name } });
const fdOf = (dst: number): readonly Instruction[] =>
  lddw(dst, 0n).map((one, half) => (half === 0 ? { ...one, src: 1 } : one));

test('a packet is read between data and data_end', () => {
  const body = [
    load('word', 2, 1, 76),
    load('word', 3, 1, 80),
    aluR('mov', 4, 2),
    alu('add', 4, 14),
    mov(0, -1),
    jumpR('gt', 4, 3, 1),
    load('half', 0, 2, 12),
    exit,
  ];
  expect(run(body)).toBe(0x0d0cn);
  expect(run(body, packet(14))).toBe(0x0d0cn);
  expect(run(body, packet(13))).toBe(2n ** 64n - 1n);
});

test('the context shows the packet fields as the kernel lays them out', () => {
  const skb = new Skb(Uint8Array.from([...new Uint8Array(12), 0x08, 0x00, ...new Uint8Array(46)]), {
    mark: 5,
    tstamp: 9n,
  });
  const at = (offset: number, size: 'word' | 'half' | 'byte' | 'double' = 'word'): bigint =>
    run([load(size, 0, 1, offset), exit], skb);
  expect([at(0), at(8), at(16), at(40), at(152, 'double'), at(160)]).toEqual([60n, 5n, 8n, 1n, 9n, 60n]);
  expect(at(0, 'byte')).toBe(60n);
});

test('writing a context field changes the packet, and scratch fields last for the run', () => {
  const skb = packet();
  const body = [
    mov(2, 77),
    storeR('word', 1, 8, 2),
    ...lddw(3, 2n ** 40n),
    storeR('double', 1, 152, 3),
    storeR('word', 1, 48, 2),
    load('word', 0, 1, 48),
    exit,
  ];
  expect(run(body, skb)).toBe(77n);
  expect([skb.mark, skb.tstamp]).toEqual([77, 2n ** 40n]);
  expect(run([load('word', 0, 1, 48), exit], skb)).toBe(0n);
});

test.each<[string, readonly Instruction[], RegExp]>([
  ['null', [mov(2, 0), load('byte', 0, 2, 0), exit], /slot 1: r0 = \*\(u8 \*\)\(r2 \+0\).*number or null/],
  [
    'beyond the stack',
    [load('double', 0, 10, 0), exit],
    /read 8 bytes.*offset 512 of the stack, which has 512 bytes/,
  ],
  ['below the stack', [store('double', 10, -520, 1), exit], /8 bytes before the stack/],
  ['a context field that is read-only', [store('word', 1, 0, 1), exit], /context at 0: no field/],
  ['a narrow store to the context', [store('byte', 1, 8, 1), exit], /no field that a program may write/],
  [
    'beyond the packet',
    [load('word', 2, 1, 76), load('word', 0, 2, 61), exit],
    /offset 61 of the packet, which has 64/,
  ],
  ['past the end', [mov(0, 1)], /past the end of the program/],
  ['forever', [goto(-1)], /more than 1000 instructions/],
  ['an unknown opcode', [{ opcode: 0xf7, dst: 0, src: 0, offset: 0, imm: 0 }, exit], /opcode 0xf7/],
  ['an unknown helper', [helper(9999), exit], /helper 9999/],
  ['a helper on what is no map', [mov(1, 0), helper(MAP_HELPERS.lookup), exit], /is not a map/],
  ['an unaligned atomic', [atomic('double', 0, 10, -7, 1), exit], /not aligned to 8|which has 512/],
  ['too deep', [callFunction(-1)], /more than 8 frames/],
])('a program that goes wrong says where and why: %s', (_, body, message) => {
  expect(() => vmOf(body, {}, [], { stepLimit: 1000 }).run('tested', packet())).toThrow(message);
});

test('a packet pointer dies when a helper may have moved the packet', () => {
  const body = [
    aluR('mov', 6, 1),
    load('word', 7, 1, 76),
    mov(2, 40),
    helper(39),
    load('byte', 0, 7, 0),
    exit,
  ];
  expect(() => run(body)).toThrow(/slot 4.*the packet, which bpf_skb_pull_data may have moved/);
});

test('pulling makes more of the packet readable through a new pointer', () => {
  const skb = new Skb(
    Uint8Array.from({ length: 64 }, (_, index) => index),
    { linearLength: 20 },
  );
  const body = [
    aluR('mov', 6, 1),
    mov(2, 40),
    helper(39),
    load('word', 7, 6, 76),
    load('word', 8, 6, 80),
    load('byte', 0, 7, 39),
    aluR('sub', 8, 7),
    alu('lsh', 8, 8),
    aluR('or', 0, 8),
    exit,
  ];
  expect(run(body, skb)).toBe((40n << 8n) | 39n);
});

test('a frame of a function that returned is no memory any more', () => {
  const body = [callFunction(2), load('double', 0, 0, -8), exit, aluR('mov', 0, 10), exit];
  expect(() => run(body)).toThrow(/call depth 1, whose function has returned/);
});

test('an array value is shared with the host', () => {
  const body = [
    store('word', 10, -4, 2),
    ...fdOf(1),
    aluR('mov', 2, 10),
    alu('add', 2, -4),
    helper(MAP_HELPERS.lookup),
    jump('eq', 0, 0, 2),
    mov(1, 5),
    atomic('double', 0, 0, 0, 1),
    mov(0, 0),
    exit,
  ];
  const vm = vmOf(body, { maps: [map({})] }, [mapAt(1)]);
  vm.run('tested', packet());
  vm.run('tested', packet());
  const entries = [...(vm.maps.get('state') as ValueMap).entries()];
  expect(entries.map(({ values }) => values[0]?.[0])).toEqual([0, 0, 10, 0]);
});

test('a lookup beyond the array gives null', () => {
  const body = [store('word', 10, -4, 4), ...fdOf(1), aluR('mov', 2, 10), alu('add', 2, -4), helper(1), exit];
  expect(vmOf(body, { maps: [map({})] }, [mapAt(1)]).run('tested', packet()).r0).toBe(0n);
});

test('a program updates and deletes hash entries', () => {
  const key = [aluR('mov', 2, 10), alu('add', 2, -4)];
  const body = [
    store('word', 10, -4, 9),
    store('double', 10, -16, 123),
    ...fdOf(1),
    ...key,
    aluR('mov', 3, 10),
    alu('add', 3, -16),
    mov(4, 1),
    helper(MAP_HELPERS.update),
    aluR('mov', 6, 0),
    ...fdOf(1),
    ...key,
    helper(MAP_HELPERS.delete),
    aluR('mov', 7, 0),
    ...fdOf(1),
    ...key,
    helper(MAP_HELPERS.delete),
    aluR('add', 0, 6),
    aluR('add', 0, 7),
    exit,
  ];
  const slots = body.flatMap((one, slot) => (one.opcode === 0x18 ? [mapAt(slot)] : []));
  const vm = vmOf(body, { maps: [map({ kind: 'hash' })] }, slots);
  expect(BigInt.asIntN(64, vm.run('tested', packet()).r0)).toBe(-2n);
});

test('sections are memory that the host sets, and .rodata is read-only', () => {
  const at = (name: '.bss' | '.rodata', offset: number, slot: number): Relocation => ({
    slot,
    target: { kind: 'section', name, offset },
  });
  const sections = (['.bss', '.rodata'] as const).map((name) => ({ name, variables: [], size: 16 }));
  const body = [...lddw(1, 0n), ...lddw(2, 0n), load('double', 0, 2, 0), storeR('double', 1, 0, 0), exit];
  const vm = vmOf(body, { sections }, [at('.bss', 8, 0), at('.rodata', 8, 2)]);
  vm.sections.get('.rodata')?.fill(1, 8, 9);
  expect(vm.run('tested', packet()).r0).toBe(1n);
  expect(vm.sections.get('.bss')?.[8]).toBe(1);
  const writer = vmOf([...lddw(1, 0n), store('word', 1, 0, 1), exit], { sections }, [at('.rodata', 0, 0)]);
  expect(() => writer.run('tested', packet())).toThrow(/section .rodata is read-only/);
});

test('a tail call runs the other program in place of this one, up to 33 times', () => {
  const jumpTo = (index: number): readonly Instruction[] => [...fdOf(2), mov(3, index), helper(12)];
  const again = program(
    [
      load('word', 2, 1, 48),
      alu('add', 2, 1),
      storeR('word', 1, 48, 2),
      aluR('mov', 6, 1),
      ...jumpTo(0),
      load('word', 0, 6, 48),
      exit,
    ],
    [mapAt(4, 'next')],
    'again',
  );
  const body = [...jumpTo(0), mov(0, 99), exit];
  const vm = vmOf(body, { maps: [map({ name: 'next', kind: 'programArray' })], programs: [again] }, [
    mapAt(0, 'next'),
  ]);
  expect(vm.run('tested', packet()).r0).toBe(99n);
  (vm.maps.get('next') as ProgramArray).set(0, 'again');
  expect(vm.run('tested', packet()).r0).toBe(33n);
});

test('bpf_loop calls its function until that gives 1', () => {
  const body = [
    store('double', 10, -8, 0),
    mov(1, 100),
    // The function starts 7 slots behind this LDDW's second half.
    ...lddw(2, 7n).map((one, half) => (half === 0 ? { ...one, src: 4 } : one)),
    aluR('mov', 3, 10),
    alu('add', 3, -8),
    mov(4, 0),
    helper(MAP_HELPERS.loop),
    load('double', 1, 10, -8),
    exit,
    mov(9, 0),
    aluR('mov', 4, 1),
    load('double', 5, 2, 0),
    aluR('add', 5, 4),
    storeR('double', 2, 0, 5),
    mov(0, 0),
    jump('ne', 4, 9, 1),
    mov(0, 1),
    exit,
  ];
  expect(run(body)).toBe(10n);
});

test('a ring buffer record reaches the host, and is gone for the program', () => {
  const body = [
    ...fdOf(1),
    mov(2, 8),
    mov(3, 0),
    helper(131),
    aluR('mov', 6, 0),
    store('double', 6, 0, 42),
    aluR('mov', 1, 6),
    mov(2, 0),
    helper(132),
    load('byte', 0, 6, 0),
    exit,
  ];
  const vm = vmOf(body, { maps: [map({ kind: 'ringBuffer', maxEntries: 4096 })] }, [mapAt(0)]);
  expect(() => vm.run('tested', packet())).toThrow(/a record of state, which was submitted or discarded/);
  expect((vm.maps.get('state') as RingBuffer).consume()).toEqual([Uint8Array.of(42, 0, 0, 0, 0, 0, 0, 0)]);
});

test('legacy loads give big-endian packet bytes, or end the program with 0', () => {
  const legacy = (mode: number, size: number, imm: number, src = 0): Instruction => ({
    opcode: CLASS.ld | mode | size,
    dst: 0,
    src,
    offset: 0,
    imm,
  });
  const start = aluR('mov', 6, 1);
  expect(run([start, legacy(MODE.abs, SIZE.word, 2), exit])).toBe(0x02030405n);
  expect(run([start, mov(7, 3), legacy(MODE.ind, SIZE.half, 2, 7), exit])).toBe(0x0506n);
  expect(run([start, legacy(MODE.abs, SIZE.byte, -0x100000), exit])).toBe(14n);
  expect(run([start, legacy(MODE.abs, SIZE.half, 63), mov(0, 9), exit])).toBe(0n);
});

test('time comes from the clock that the caller set', () => {
  const vm = vmOf([helper(5), exit], {}, [], { clock: new Clock(2n ** 62n) });
  expect(vm.run('tested', packet()).r0).toBe(2n ** 62n);
  vm.clock.set(7n);
  expect(vm.run('tested', packet()).r0).toBe(7n);
});

test('bare code has its memory in r1, its length in r2 and a stack', () => {
  expect(runCode(encode([load('byte', 0, 1, 1), aluR('add', 0, 2), exit]), Uint8Array.of(5, 6, 7))).toBe(9n);
  expect(runCode(encode([aluR('mov', 0, 1), exit]), new Uint8Array(0))).toBe(0n);
});

test('bytecode that is no program is refused when it is loaded', () => {
  expect(() => runCode(new Uint8Array(7), new Uint8Array(0))).toThrow(/whole number/);
  expect(() => runCode(encode([mov(11, 0), exit]), new Uint8Array(0))).toThrow(/slot 0 names r11/);
  expect(() => runCode(encode(lddw(1, 0n).slice(0, 1)), new Uint8Array(0))).toThrow(/no second half/);
  expect(() => vmOf([...fdOf(1), exit], {}, [mapAt(0, 'gone')])).toThrow(/map gone/);
});
