import fc from 'fast-check';
import { expect, test } from 'vitest';
import { btfLog, tryLoadBtf } from '../../../loader/bpf/btf.ts';
import { loadProgram } from '../../../loader/bpf/program.ts';
import { closeDescriptor } from '../../../loader/native/files.ts';
import { arbitraryImage, arbitraryStruct } from '../arbitrary.ts';
import type { ObjectImage } from '../image.ts';
import { CALL, encode, OPCODE_CALL, OPCODE_EXIT } from '../instruction.ts';
import { btfForKernel } from './kernel.ts';

/** Loads and closes it; the kernel's own words when it refuses. */
function refusalOf(blob: Uint8Array): string {
  const fd = tryLoadBtf(blob);
  if (fd < 0) return `${fd}: ${btfLog(blob)}`;
  closeDescriptor(fd);
  return '';
}

test('the kernel takes the BTF of random images', () => {
  fc.assert(
    fc.property(arbitraryImage, (image) => {
      expect(refusalOf(btfForKernel(image).blob)).toBe('');
    }),
    { numRuns: 60 },
  );
});

test('the kernel takes names that only TypeScript allows', () => {
  const [sampled] = fc.sample(arbitraryStruct, 1);
  const layout = {
    ...sampled!,
    name: '$größe',
    fields: sampled!.fields.map((f, i) => ({ ...f, name: `$${i}` })),
  };
  const image: ObjectImage = {
    license: 'GPL',
    maps: [],
    sections: [{ name: '.bss', size: layout.size, variables: [{ name: '$state', offset: 0, layout }] }],
    programs: [],
  };
  expect(refusalOf(btfForKernel(image).blob)).toBe('');
});

test('a program with a subprogram loads with its functions and lines', () => {
  const blank = { dst: 0, src: 0, offset: 0, imm: 0 };
  const code = encode([
    { ...blank, opcode: OPCODE_CALL, src: CALL.local, imm: 1 },
    { ...blank, opcode: OPCODE_EXIT },
    { ...blank, opcode: 0xb7, imm: 2 },
    { ...blank, opcode: OPCODE_EXIT },
  ]);
  const line = (slot: number, text: string) => ({ slot, file: 'p.ts', line: slot + 1, column: 1, text });
  const image: ObjectImage = {
    license: 'GPL',
    maps: [],
    sections: [],
    programs: [
      {
        name: 'entry',
        kind: 'classifier',
        code,
        relocations: [],
        functions: [
          { name: 'entry', slot: 0, parameters: ['skb'] },
          { name: 'sub', slot: 2, parameters: ['a', 'b'] },
        ],
        lines: [line(0, 'return sub();'), line(2, 'return 2;')],
      },
    ],
  };
  const btf = btfForKernel(image);
  const records = btf.programs.get('entry')!;
  expect(records.functions).toMatchObject({ count: 2, recordSize: 8 });
  const btfFd = tryLoadBtf(btf.blob);
  expect(btfFd).toBeGreaterThan(0);
  const fd = loadProgram({
    name: 'entry',
    kind: 'classifier',
    code,
    license: 'GPL',
    btf: { fd: btfFd, functionInfo: records.functions.records, lineInfo: records.lines.records },
  });
  expect(fd).toBeGreaterThan(0);
  closeDescriptor(fd);
  closeDescriptor(btfFd);
});
