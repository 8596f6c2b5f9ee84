import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { arbitraryImage } from '../arbitrary.ts';
import type { ObjectImage } from '../image.ts';
import { CALL, decode, encode, LDDW, OPCODE_CALL, OPCODE_EXIT, OPCODE_LDDW } from '../instruction.ts';
import { layoutStruct } from '../layout.ts';
import { readElf } from './read.ts';
import { writeElf } from './write.ts';

const folder = mkdtempSync(join(tmpdir(), 'natra-elf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const present = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;
const blank = { dst: 0, src: 0, offset: 0, imm: 0 };
const u64 = { kind: 'int', bits: 64, signed: false, order: 'little' } as const;
const be32 = { kind: 'int', bits: 32, signed: false, order: 'big' } as const;
const u32 = { kind: 'int', bits: 32, signed: false, order: 'little' } as const;

const bucket = layoutStruct('Bucket', [
  { name: 'clock', layout: u64 },
  { name: 'address', layout: { kind: 'array', element: be32, length: 4 } },
]);

const sample: ObjectImage = {
  license: 'GPL',
  maps: [
    {
      name: 'counters',
      kind: 'array',
      keySize: 4,
      valueSize: bucket.size,
      maxEntries: 1,
      flags: 0,
      key: u32,
      value: bucket,
    },
  ],
  sections: [
    { name: '.rodata', size: bucket.size, variables: [{ name: 'limit', offset: 0, layout: bucket }] },
    { name: '.bss', size: bucket.size, variables: [{ name: 'state', offset: 0, layout: bucket }] },
  ],
  programs: [
    {
      name: 'natra_egress',
      kind: 'classifier',
      code: encode([
        { ...blank, opcode: OPCODE_LDDW, dst: 1, src: LDDW.mapFd },
        { ...blank, opcode: 0 },
        { ...blank, opcode: OPCODE_LDDW, dst: 2, src: LDDW.mapValue },
        { ...blank, opcode: 0, imm: 8 },
        { ...blank, opcode: OPCODE_CALL, src: CALL.local, imm: 1 },
        { ...blank, opcode: OPCODE_EXIT },
        { ...blank, opcode: 0xb7, imm: 2 },
        { ...blank, opcode: OPCODE_EXIT },
      ]),
      relocations: [
        { slot: 0, target: { kind: 'map', name: 'counters' } },
        { slot: 2, target: { kind: 'section', name: '.bss', offset: 8 } },
      ],
      functions: [
        { name: 'natra_egress', slot: 0, parameters: ['skb'] },
        { name: 'verdict', slot: 6, parameters: ['map', 'state'] },
      ],
      lines: [
        {
          slot: 0,
          file: 'programs/limit.ts',
          line: 3,
          column: 5,
          text: 'const found = counters.lookup(0);',
        },
        { slot: 6, file: 'programs/limit.ts', line: 9, column: 3, text: 'return 2;' },
      ],
    },
  ],
};

describe('writeElf and readElf', () => {
  test('an image read back is the image that was written', () => {
    fc.assert(
      fc.property(arbitraryImage, (image) => {
        expect(readElf(writeElf(image))).toEqual(image);
      }),
      { numRuns: 150 },
    );
  });

  test('a subprogram goes to .text and comes back after its program', () => {
    const image = readElf(writeElf(sample));
    expect(image).toEqual(sample);
    const call = decode(image.programs[0]!.code, 4);
    expect(4 + call.imm + 1).toBe(6);
  });

  test('a packed struct keeps its alignment, even beside an aligned one with the same fields', () => {
    const fields = [{ name: 'clock', layout: u64 }];
    const variables = [
      { name: 'aligned', offset: 0, layout: layoutStruct('S', fields) },
      { name: 'loose', offset: 8, layout: layoutStruct('S', fields, true) },
    ];
    const image = { ...sample, sections: [{ name: '.bss' as const, size: 16, variables }], programs: [] };
    expect(readElf(writeElf(image)).sections[0]!.variables).toEqual(variables);
  });

  test('a column beyond 1023 is written as 1023', () => {
    const [program] = sample.programs;
    const lines = [{ ...program!.lines[0]!, column: 5000 }];
    const read = readElf(writeElf({ ...sample, programs: [{ ...program!, lines }] }));
    expect(read.programs[0]!.lines[0]!.column).toBe(1023);
  });

  test('a relocation to an unknown map names the program, the slot and the map', () => {
    const [program] = sample.programs;
    const relocations = [{ slot: 0, target: { kind: 'map' as const, name: 'absent' } }];
    expect(() => writeElf({ ...sample, programs: [{ ...program!, relocations }] })).toThrow(
      /natra_egress: slot 0 refers to absent/,
    );
  });

  test('initialised .bss is refused', () => {
    const sections = [{ ...sample.sections[1]!, initial: new Uint8Array(bucket.size).fill(1) }];
    expect(() => writeElf({ ...sample, sections, programs: [] })).toThrow(/\.bss/);
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['text', new TextEncoder().encode('#!/bin/sh\n'.repeat(20))],
    ['a cut object', writeElf(sample).slice(0, 100)],
  ])('%s is refused as an object', (_, bytes) => {
    expect(() => readElf(bytes)).toThrow();
  });

  test('an object for another machine is refused by name', () => {
    const bytes = writeElf(sample);
    bytes[18] = 62;
    expect(() => readElf(bytes)).toThrow(/EM_BPF/);
  });
});

describe('tools of the field read the file', () => {
  const path = join(folder, 'sample.o');
  writeFileSync(path, writeElf(sample));
  const run = (tool: string, ...options: string[]): string =>
    execFileSync(tool, [...options, path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  test.skipIf(!present('readelf'))(
    'readelf lists sections, symbols and relocations without a warning',
    () => {
      const result = spawnSync('readelf', ['-aW', path], { encoding: 'utf8' });
      expect(result.stderr).toBe('');
      for (const expected of ['.reltc', '.BTF.ext', 'natra_egress', 'counters', 'Linux BPF']) {
        expect(result.stdout).toContain(expected);
      }
    },
  );

  test.skipIf(!present('llvm-objdump'))('llvm-objdump disassembles programs and subprograms', () => {
    const text = run('llvm-objdump', '-dSr');
    expect(text).toContain('<natra_egress>:');
    expect(text).toContain('<verdict>:');
    expect(text).toMatch(/R_BPF_64_64\s+counters/);
    for (const line of ['const found = counters.lookup(0);', 'return 2;'])
      expect(text).toContain(`; ${line}\n`);
  });

  test.skipIf(!present('llvm-dwarfdump'))('llvm-dwarfdump finds the line table as it should be', () => {
    expect(run('llvm-dwarfdump', '--verify')).toContain('No errors.');
    expect(run('llvm-dwarfdump', '--debug-line')).toMatch(/0x0{16} +3 +5 +0 /);
  });

  test.skipIf(!present('bpftool'))('bpftool dumps the BTF as C', () => {
    const text = execFileSync('bpftool', ['btf', 'dump', 'file', path, 'format', 'c'], { encoding: 'utf8' });
    expect(text).toContain('struct Bucket {');
    expect(text).toContain('__be32 address[4];');
    expect(execFileSync('bpftool', ['btf', 'dump', 'file', path], { encoding: 'utf8' })).toContain(
      "DATASEC '.maps'",
    );
  });
});

describe.skipIf(!present('clang'))("clang's objects", () => {
  const source = `
    typedef unsigned int u32; typedef unsigned long long u64;
    #define SEC(n) __attribute__((section(n), used))
    struct value { u64 packets; u32 pair[2]; };
    struct { int (*type)[2]; int (*max_entries)[5]; u32 *key; struct value *value; } counters SEC(".maps");
    struct { int (*type)[27]; int (*max_entries)[4096]; } events SEC(".maps");
    const volatile struct value limit = { .packets = 9 };
    struct value state;
    static void *(*lookup)(void *, const void *) = (void *)1;
    static __attribute__((noinline)) u64 helper(u64 x) { return x * 3 + state.packets; }
    SEC("tc") int first(void *skb) {
      u32 key = 1;
      struct value *v = lookup(&counters, &key);
      if (v) v->packets += limit.packets;
      state.pair[1]++;
      return helper((u64)skb);
    }
    SEC("xdp") int second(void *ctx) { return 2; }
    SEC("xdp/devmap") int third(void *ctx) { return 2; }
    SEC("socket") int fourth(void *ctx) { return 2; }
    SEC("cgroup_skb/ingress") int fifth(void *ctx) { return 1; }
    SEC("cgroup_skb/egress") int sixth(void *ctx) { return 1; }
    char _license[] SEC("license") = "GPL";
  `;

  const compiled = (): ObjectImage => {
    const [input, output] = [join(folder, 'c.c'), join(folder, 'c.o')];
    writeFileSync(input, source);
    execFileSync('clang', ['-O2', '-g', '-target', 'bpf', '-c', input, '-o', output]);
    return readElf(readFileSync(output));
  };

  test('programs, maps, sections and relocations are read', () => {
    const image = compiled();
    expect(image.license).toBe('GPL');
    expect(
      image.maps.map(({ name, kind, keySize, valueSize, maxEntries }) => [
        name,
        kind,
        keySize,
        valueSize,
        maxEntries,
      ]),
    ).toEqual([
      ['counters', 'array', 4, 16, 5],
      ['events', 'ringBuffer', 0, 0, 4096],
    ]);
    expect(image.programs.map((program) => [program.name, program.kind])).toEqual([
      ['first', 'classifier'],
      ['second', 'xdp'],
      ['third', 'xdpDevmap'],
      ['fourth', 'socketFilter'],
      ['fifth', 'cgroupSkbIngress'],
      ['sixth', 'cgroupSkbEgress'],
    ]);
    const [first] = image.programs;
    expect(first!.functions.map((fn) => fn.name)).toEqual(['first', 'helper']);
    expect(first!.functions[0]!.parameters).toEqual(['skb']);
    expect(first!.lines.length).toBeGreaterThan(3);
    const targets = first!.relocations.map((relocation) => relocation.target);
    expect(targets).toContainEqual({ kind: 'map', name: 'counters' });
    expect(targets).toContainEqual({ kind: 'section', name: '.rodata', offset: 0 });
    expect(targets.filter((target) => target.kind === 'section').map((target) => target.name)).toContain(
      '.bss',
    );
    const rodata = image.sections.find((section) => section.name === '.rodata');
    expect(rodata!.variables).toMatchObject([
      { name: 'limit', offset: 0, layout: { name: 'value', size: 16 } },
    ]);
    expect(rodata!.initial![0]).toBe(9);
  });

  test('an image read from clang survives our own writing', () => {
    const image = compiled();
    expect(readElf(writeElf(image))).toEqual(image);
  });
});
