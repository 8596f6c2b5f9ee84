import { describe, expect, it, test } from 'vitest';
import { disassemble } from '../disassemble.ts';
import type { ProgramImage, Relocation } from '../image.ts';
import {
  ALU,
  CALL,
  CLASS,
  encode,
  type Instruction,
  JMP,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SOURCE,
} from '../instruction.ts';
import { specialise } from './index.ts';
import { fillTemplate, fits, makeTemplate } from './template.ts';

const slot = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const settingsAt = (dst: number): Instruction[] => [slot(OPCODE_LDDW, dst, 2), slot(0)];
const load = (dst: number, src: number, offset: number, size: number = SIZE.double): Instruction =>
  slot(CLASS.ldx | MODE.mem | size, dst, src, offset);
const move = (dst: number, imm: number): Instruction => slot(CLASS.alu64 | ALU.mov, dst, 0, 0, imm);
const copy = (dst: number, src: number): Instruction =>
  slot(CLASS.alu64 | ALU.mov | SOURCE.register, dst, src);
const alu = (operation: number, dst: number, src: number): Instruction =>
  slot(CLASS.alu64 | operation | SOURCE.register, dst, src);
const jump = (condition: number, dst: number, imm: number, offset: number): Instruction =>
  slot(CLASS.jmp | condition, dst, 0, offset, imm);
const goto = (offset: number): Instruction => slot(CLASS.jmp | JMP.ja, 0, 0, offset);
const exit = slot(OPCODE_EXIT);

function programOf(instructions: readonly Instruction[], more: Partial<ProgramImage> = {}): ProgramImage {
  const relocations = instructions.flatMap((instruction, at): Relocation[] =>
    instruction.opcode === OPCODE_LDDW && instruction.src === 2
      ? [{ slot: at, target: { kind: 'section', name: '.rodata', offset: 0 } }]
      : [],
  );
  return {
    name: 'small',
    kind: 'classifier',
    code: encode(instructions),
    relocations,
    functions: [],
    lines: [],
    ...more,
  };
}

/** Settings of three 64-bit numbers. */
function settings(...values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(24);
  values.forEach((value, index) => {
    new DataView(bytes.buffer).setBigUint64(index * 8, value, true);
  });
  return bytes;
}

/** The instructions of the specialised program as text. */
function specialised(instructions: readonly Instruction[], ...values: readonly bigint[]): string[] {
  return listing(specialise(programOf(instructions), settings(...values)));
}

const listing = (program: ProgramImage): string[] =>
  disassemble(program)
    .split('\n')
    .filter((line) => /^\s+\d+:/.test(line))
    .map((line) => line.replace(/^\s+\d+:\s*/, '').trim());

describe('what is loaded from the settings', () => {
  it.each([
    [5n, 'r0 = 5'],
    [-2n, 'r0 = -2'],
    [0xffff_fff0n, 'w0 = -16'],
    [0x1234_5678_9abcn, 'r0 = 0x123456789abc ll'],
  ])('becomes the shortest immediate: %i', (value, text) => {
    const code = [...settingsAt(6), load(0, 6, 0), exit];
    expect(specialised(code, BigInt.asUintN(64, value))).toEqual([text, 'exit']);
  });

  it('is found in code that lies at an odd address of a file', () => {
    const program = programOf([...settingsAt(6), load(0, 6, 0), exit]);
    const file = Buffer.concat([Buffer.of(1), program.code]);
    const lines = specialise({ ...program, code: file.subarray(1) }, settings(5n, 0n, 0n));
    expect(lines.code).toEqual(specialise(program, settings(5n, 0n, 0n)).code);
  });

  it('is found through copies of the address and additions to it', () => {
    const code = [
      ...settingsAt(6),
      copy(7, 6),
      slot(CLASS.alu64 | ALU.add, 7, 0, 0, 8),
      load(0, 7, 8, SIZE.byte),
      exit,
    ];
    expect(specialised(code, 1n, 2n, 0xabcdn)).toEqual(['r0 = 205', 'exit']);
  });

  it('is extended by its sign where the load does that', () => {
    const code = [...settingsAt(6), slot(CLASS.ldx | MODE.memsx | SIZE.half, 0, 6), exit];
    expect(specialised(code, 0xfffen)).toEqual(['r0 = -2', 'exit']);
  });

  it('stays a load where two addresses meet, where the place depends on the run, and past the end', () => {
    const merging = [
      ...settingsAt(6),
      jump(JMP.eq, 1, 0, 1),
      slot(CLASS.alu64 | ALU.add, 6, 0, 0, 8),
      load(0, 6, 0),
      exit,
    ];
    expect(specialised(merging, 1n, 2n)).toContain('r0 = *(u64 *)(r6 + 0)');
    const indexed = [...settingsAt(6), alu(ALU.add, 6, 1), load(0, 6, 0), exit];
    expect(specialised(indexed, 1n)).toContain('r0 = *(u64 *)(r6 + 0)');
    const beyond = [...settingsAt(6), load(0, 6, 20), exit];
    expect(specialised(beyond, 1n)).toContain('r0 = *(u64 *)(r6 + 20)');
  });

  it('is not known after a call in the registers that calls change', () => {
    const helper = slot(OPCODE_CALL, 0, CALL.helper, 0, 7);
    const code = [...settingsAt(6), load(1, 6, 0), load(7, 6, 0), helper, alu(ALU.add, 0, 7), exit];
    expect(specialised(code, 3n)).toEqual(['r1 = 3', expect.stringContaining('call 7'), 'r0 += 3', 'exit']);
  });
});

describe('operands', () => {
  it('are immediates where the setting is a short one, and fold where all is known', () => {
    const code = [...settingsAt(6), load(2, 6, 0), copy(0, 1), alu(ALU.mul, 0, 2), alu(ALU.add, 2, 2), exit];
    expect(specialised(code, 6n)).toEqual(['r0 = r1', 'r0 *= 6', 'exit']);
  });

  it('that change nothing take their instruction with them', () => {
    const code = [...settingsAt(6), load(2, 6, 0), copy(0, 1), alu(ALU.sub, 0, 2), exit];
    expect(specialised(code, 0n)).toEqual(['r0 = r1', 'exit']);
  });

  it.each([
    [ALU.mul, 8n, 'r0 <<= 3'],
    [ALU.div, 8n, 'r0 >>= 3'],
    [ALU.mod, 8n, 'r0 &= 7'],
    [ALU.div, 0x4000_0000n, 'r0 >>= 30'],
    [ALU.mod, 0x4000_0000n, 'r0 &= 1073741823'],
    [ALU.div, 12n, 'r0 /= 12'],
    [ALU.mul, -8n, 'r0 *= -8'],
  ])('by a power of two become shifts and masks: %i by %i', (operation, by, text) => {
    const code = [...settingsAt(6), load(2, 6, 0), copy(0, 1), alu(operation, 0, 2), exit];
    expect(specialised(code, BigInt.asUintN(64, by))).toEqual(['r0 = r1', text, 'exit']);
  });
  it('divide signed numbers by a power of two as they were', () => {
    const signed = { ...alu(ALU.div, 0, 2), offset: 1 };
    const code = [...settingsAt(6), load(2, 6, 0), copy(0, 1), signed, exit];
    expect(specialised(code, 8n)).toEqual(['r0 = r1', 'r0 s/= 8', 'exit']);
  });
  it('are taken modulo the width in shifts, as the machine does', () => {
    const code = [...settingsAt(6), load(2, 6, 0), copy(0, 1), alu(ALU.lsh, 0, 2), exit];
    expect(specialised(code, 67n)).toEqual(['r0 = r1', 'r0 <<= 3', 'exit']);
  });

  it('stay in a register where the verifier refuses the immediate', () => {
    const code = [...settingsAt(6), load(2, 6, 0), copy(0, 1), alu(ALU.div, 0, 2), exit];
    expect(specialised(code, 0n)).toEqual(['r2 = 0', 'r0 = r1', 'r0 /= r2', 'exit']);
  });

  it('of stores to memory that may be the context stay in their register, as kernels before 6.4 want it', () => {
    const store = slot(CLASS.stx | MODE.mem | SIZE.word, 1, 2, 8);
    const code = [...settingsAt(6), load(2, 6, 0), store, move(0, 0), exit];
    expect(specialised(code, 7n)).toEqual(['r2 = 7', '*(u32 *)(r1 + 8) = r2', 'r0 = 0', 'exit']);
  });

  it('of stores to the stack are immediates as well', () => {
    const store = slot(CLASS.stx | MODE.mem | SIZE.word, 10, 2, -8);
    const code = [...settingsAt(6), load(2, 6, 0), store, move(0, 0), exit];
    expect(specialised(code, 7n)).toEqual(['*(u32 *)(r10 - 8) = 7', 'r0 = 0', 'exit']);
  });
});

describe('branches', () => {
  const choice = [
    ...settingsAt(6),
    load(2, 6, 0),
    jump(JMP.gt, 2, 4, 2),
    move(0, 1),
    goto(1),
    move(0, 2),
    exit,
  ];
  it.each([
    [4n, 'r0 = 1'],
    [5n, 'r0 = 2'],
  ])('decided by a setting leave one side: %i', (value, side) => {
    expect(specialised(choice, value)).toEqual([side, 'exit']);
  });

  it('with a setting on the left compare the other way round', () => {
    const code = [
      ...settingsAt(6),
      load(2, 6, 0),
      move(0, 1),
      slot(CLASS.jmp | JMP.gt | SOURCE.register, 2, 1, 1),
      move(0, 2),
      exit,
    ];
    expect(specialised(code, 9n)).toEqual(['r0 = 1', expect.stringMatching(/^if r1 < 9 /), 'r0 = 2', 'exit']);
  });

  it('that lead to the same place go, with what they compared', () => {
    const code = [
      ...settingsAt(6),
      load(2, 6, 0),
      load(3, 1, 0, SIZE.word),
      jump(JMP.eq, 3, 5, 1),
      alu(ALU.add, 1, 2),
      move(0, 1),
      exit,
    ];
    expect(specialised(code, 0n)).toEqual(['r0 = 1', 'exit']);
  });

  it('of a loop keep what changes in it', () => {
    const code = [
      ...settingsAt(6),
      load(2, 6, 0),
      move(0, 0),
      alu(ALU.add, 0, 2),
      jump(JMP.lt, 0, 100, -2),
      exit,
    ];
    expect(specialised(code, 7n)).toEqual([
      'r0 = 0',
      'r0 += 7',
      expect.stringMatching(/^if r0 < 100 /),
      'exit',
    ]);
  });
});

test('functions, relocations and lines follow their instructions', () => {
  const line = (at: number, number: number) => ({
    slot: at,
    file: 'a.ts',
    line: number,
    column: 1,
    text: '',
  });
  const counter: Relocation = { slot: 8, target: { kind: 'map', name: 'counters' } };
  const plain = programOf(
    [
      ...settingsAt(6),
      load(7, 6, 0),
      jump(JMP.eq, 7, 0, 1),
      slot(OPCODE_CALL, 0, CALL.local, 0, 2),
      slot(OPCODE_CALL, 0, CALL.local, 0, 5),
      exit,
      exit,
      slot(OPCODE_LDDW, 1, 1),
      slot(0),
      exit,
      move(0, 1),
      exit,
    ],
    {
      functions: [
        { name: 'small', slot: 0, parameters: [] },
        { name: 'unused', slot: 7, parameters: [] },
        { name: 'used', slot: 11, parameters: ['x'] },
      ],
      lines: [line(0, 1), line(4, 2), line(5, 3), line(7, 4), line(11, 5)],
    },
  );
  const result = specialise({ ...plain, relocations: [...plain.relocations, counter] }, settings(0n));
  expect(result.functions).toEqual([
    { name: 'small', slot: 0, parameters: [] },
    { name: 'used', slot: 2, parameters: ['x'] },
  ]);
  expect(result.relocations).toEqual([]);
  expect(result.lines).toEqual([line(0, 3), line(2, 5)]);
  expect(listing(result)[0]).toContain('call');
});

test('a program without settings and dead code stays as it is', () => {
  const plain = programOf([load(0, 1, 4, SIZE.word), jump(JMP.eq, 0, 3, 1), move(0, 7), exit]);
  expect(specialise(plain, new Uint8Array(0))).toEqual(plain);
});

describe('a template', () => {
  const choice = programOf([
    ...settingsAt(6),
    load(2, 6, 0),
    jump(JMP.gt, 2, 4, 2),
    load(0, 6, 8),
    goto(1),
    load(0, 6, 16, SIZE.byte),
    exit,
  ]);
  const known = new Uint8Array(24).fill(1, 0, 8);
  const template = makeTemplate(choice, settings(1n, 0n, 0n), known)!;

  it('has what is known folded, and what is not as constants to be filled in', () => {
    expect(template.uses).toEqual([{ slot: 0, offset: 8, bytes: 8, signed: false }]);
    expect(template.program.relocations).toEqual([]);
    const filled = fillTemplate(template, settings(1n, 0x1234_5678_9abc_def0n, 7n));
    expect(listing(filled)).toEqual(['r0 = 0x123456789abcdef0 ll', 'exit']);
    expect(listing(fillTemplate(template, settings(1n, 3n, 7n)))[0]).toMatch(/^r0 = (0x)?3 ll$/);
  });

  it('fits settings that agree in what is known, of the same size', () => {
    expect(fits(template, settings(1n, 99n, 98n))).toBe(true);
    expect(fits(template, settings(2n, 0n, 0n))).toBe(false);
    expect(fits(template, settings(1n).subarray(8))).toBe(false);
  });

  it('extends what it fills in as the load did', () => {
    const signed = programOf([
      ...settingsAt(6),
      slot(CLASS.ldx | MODE.memsx | SIZE.half, 0, 6),
      load(1, 6, 2, SIZE.half),
      alu(ALU.add, 0, 1),
      exit,
    ]);
    const none = makeTemplate(signed, settings(0n), new Uint8Array(24))!;
    const lines = listing(fillTemplate(none, settings(0xfffe_fffen)));
    expect(lines).toEqual(['r0 = 0xfffffffffffffffe ll', 'r1 = 0xfffe ll', 'r0 += r1', 'exit']);
  });
});
