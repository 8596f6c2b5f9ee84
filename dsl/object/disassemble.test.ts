import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disassemble } from './disassemble.ts';
import { writeElf } from './elf/write.ts';
import type { ProgramImage } from './image.ts';
import { ATOMIC, encode, type Instruction, MODE, SIZE } from './instruction.ts';

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const programOf = (instructions: readonly Instruction[], more: Partial<ProgramImage> = {}): ProgramImage => ({
  name: 'p',
  kind: 'classifier',
  code: encode(instructions),
  relocations: [],
  functions: [{ name: 'p', slot: 0, parameters: [] }],
  lines: [],
  ...more,
});
/** The text of the instruction at slot 0. */
const one = (...instructions: Instruction[]): string =>
  /\t(.*)/.exec(disassemble(programOf(instructions)))?.[1] ?? '';
const atomic = (size: number, imm: number): Instruction => insn(0x03 | size | MODE.atomic, 1, 2, 8, imm);

test.each([
  [insn(0x07, 1, 0, 0, -5), 'r1 += -5'],
  [insn(0x0c, 1, 2), 'w1 += w2'],
  [insn(0x3f, 1, 2, 1), 'r1 s/= r2'],
  [insn(0x94, 1, 0, 1, 7), 'w1 s%= 7'],
  [insn(0xc7, 3, 0, 0, 9), 'r3 s>>= 9'],
  [insn(0x87, 4), 'r4 = -r4'],
  [insn(0xbf, 1, 2, 32), 'r1 = (s32)r2'],
  [insn(0xbc, 1, 2, 8), 'w1 = (s8)w2'],
  [insn(0xdc, 1, 0, 0, 16), 'r1 = be16 r1'],
  [insn(0xd4, 1, 0, 0, 64), 'r1 = le64 r1'],
  [insn(0xd7, 1, 0, 0, 32), 'r1 = bswap32 r1'],
  [insn(0x69, 1, 2, 12), 'r1 = *(u16 *)(r2 + 12)'],
  [insn(0x99, 1, 2, -8), 'r1 = *(s64 *)(r2 - 8)'],
  [insn(0x62, 10, 0, -4, 7), '*(u32 *)(r10 - 4) = 7'],
  [insn(0x7b, 10, 6, -16), '*(u64 *)(r10 - 16) = r6'],
  [insn(0x28, 0, 0, 0, 12), 'r0 = *(u16 *)skb[12]'],
  [insn(0x50, 0, 3, 0, 2), 'r0 = *(u8 *)skb[r3 + 2]'],
  [atomic(SIZE.double, ATOMIC.add), 'lock *(u64 *)(r1 + 8) += r2'],
  [atomic(SIZE.word, ATOMIC.xor), 'lock *(u32 *)(r1 + 8) ^= w2'],
  [atomic(SIZE.double, ATOMIC.or | ATOMIC.fetch), 'r2 = atomic_fetch_or((u64 *)(r1 + 8), r2)'],
  [atomic(SIZE.word, ATOMIC.exchange), 'w2 = xchg32_32(r1 + 8, w2)'],
  [atomic(SIZE.double, ATOMIC.compareExchange), 'r0 = cmpxchg_64(r1 + 8, r0, r2)'],
  [insn(0x85, 0, 0, 0, 5), 'call 5'],
  [insn(0x85, 0, 2, 0, 99), 'call kfunc 99'],
  [insn(0x95), 'exit'],
  [insn(0x06, 0, 0, 0, 70000), 'gotol +70000 <L0>'],
  [insn(0x26, 1, 0, 3, 5), 'if w1 > 5 goto +3 <L0>'],
  [insn(0x6d, 1, 2, -1), 'if r1 s> r2 goto -1 <L0>'],
  [insn(0x45, 1, 0, 2, 8), 'if r1 & 8 goto +2 <L0>'],
  [insn(0x8d), '<unknown opcode 0x8d>'],
])('%o is %s', (instruction, text) => {
  expect(one(instruction)).toBe(text);
});

test('a 64-bit immediate takes both slots', () => {
  expect(one(insn(0x18, 1, 0, 0, -1), insn(0, 0, 0, 0, 1))).toBe('r1 = 0x1ffffffff ll');
  expect(one(insn(0x18, 1))).toMatch(/unknown/);
});

test('source lines, labels, helpers, subprograms and relocations have their names', () => {
  const text = disassemble(
    programOf(
      [
        insn(0x18, 1),
        insn(0),
        insn(0x18, 2),
        insn(0),
        insn(0x85, 0, 0, 0, 1),
        insn(0x15, 0, 0, 1, 0),
        insn(0x85, 0, 1, 0, 1),
        insn(0x95),
        insn(0xb7),
        insn(0x95),
      ],
      {
        relocations: [
          { slot: 0, target: { kind: 'map', name: 'flows' } },
          { slot: 2, target: { kind: 'section', name: '.bss', offset: 16 } },
        ],
        functions: [
          { name: 'p', slot: 0, parameters: ['skb'] },
          { name: 'sub', slot: 8, parameters: [] },
        ],
        lines: [{ slot: 4, file: 'p.ts', line: 3, column: 7, text: '  const flow = flows.lookup(key);' }],
      },
    ),
    { helperName: (id) => (id === 1 ? 'bpf_map_lookup_elem' : undefined) },
  );
  expect(text.split('\n').map((line) => line.trim())).toEqual([
    'p(skb):',
    '0:\tr1 = flows ll',
    '2:\tr2 = .bss+16 ll',
    '; p.ts:3:7: const flow = flows.lookup(key);',
    '4:\tcall 1 <bpf_map_lookup_elem>',
    '5:\tif r0 == 0 goto +1 <L0>',
    '6:\tcall +1 <sub>',
    'L0:',
    '7:\texit',
    'sub():',
    '8:\tr0 = 0',
    '9:\texit',
    '',
  ]);
});

describe.skipIf(spawnSync('llvm-objdump', ['--version']).error !== undefined)('llvm-objdump', () => {
  test('prints the instructions that LLVM 14 knows in the same words', () => {
    // Later LLVMs know the rest: modulo, signed division, movsx, memsx, bswap, gotol. For 32-bit loads and
    // stores LLVM names the register's lower half.
    const instructions: Instruction[] = [];
    for (const operation of [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0]) {
      for (const kind of [0x04, 0x07]) {
        instructions.push(insn(kind | operation, 3, 0, 0, 9), insn(kind | operation | 8, 3, 4));
      }
    }
    for (const operation of [0x10, 0x20, 0x30, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]) {
      for (const kind of [0x05, 0x06]) {
        instructions.push(insn(kind | operation, 3, 0, 0, 9), insn(kind | operation | 8, 3, 4, 0));
      }
    }
    for (const size of [SIZE.byte, SIZE.half, SIZE.word, SIZE.double]) {
      instructions.push(insn(0x61 | size, 3, 4, -8), insn(0x63 | size, 3, 4, 12));
    }
    instructions.push(insn(0x95));
    const program = programOf(instructions);
    const folder = mkdtempSync(join(tmpdir(), 'natra-disassemble-'));
    try {
      const path = join(folder, 'p.o');
      writeFileSync(path, writeElf({ license: 'GPL', maps: [], sections: [], programs: [program] }));
      const theirs = execFileSync('llvm-objdump', ['-d', '--no-show-raw-insn', '--mattr=+alu32', path], {
        encoding: 'utf8',
      });
      const bare = (text: string): string[] =>
        text
          .split('\n')
          .flatMap((line) => /^\s*\d+:\s+(.*?)\s*$/.exec(line)?.[1] ?? [])
          .map((line) => line.replace(/ <.*>/, '').replace(/ = w(\d)$/, ' = r$1'));
      const ours = bare(disassemble(program)).map((line) => line.replace(/ = w(\d)$/, ' = r$1'));
      expect(ours).toEqual(bare(theirs).map((line) => line.replace(/^w3 = \*/, 'r3 = *')));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
