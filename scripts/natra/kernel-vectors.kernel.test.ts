import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { assemble, INSTRUCTION_VECTORS } from '../../dsl/vm/instruction-vectors/index.ts';
import { runVectors } from '../../dsl/vm/vectors.ts';
import { runVectorsOnKernel } from './kernel-vectors.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'natra-kernel-vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fileOf = (vectors: readonly object[]): string => {
  const file = path.join(folder, 'vectors.json');
  writeFileSync(file, JSON.stringify({ vectors }));
  return file;
};

test("all 64 bits of r0, the memory and its length are the vector's", () => {
  const file = fileOf([
    // r0 = *(u64 *)(r1 + 0); r0 += r2; exit
    {
      name: 'memory',
      program: '7910000000000000 0f20000000000000 9500000000000000',
      memory: '0102030405060708',
      expected: '0x807060504030209',
    },
    // if r1 == 0 goto +1; exit; call +1; exit; r0 = 9; exit
    {
      name: 'call',
      program:
        '1501020000000000 b700000001000000 9500000000000000 8510000001000000 9500000000000000 b700000009000000 9500000000000000',
      memory: '',
      expected: '0x9',
    },
    // w0 >>= 40
    {
      name: 'shift',
      program: 'b700000001000000 7400000028000000 9500000000000000',
      memory: '',
      expected: '0x0',
    },
    { name: 'wrong', program: 'b700000001000000 9500000000000000', memory: '', expected: '0x2' },
  ]);
  const results = runVectorsOnKernel(file);
  expect(results.passes).toEqual(['memory', 'call']);
  expect(results.mismatches).toEqual([{ name: 'wrong', expected: 2n, r0: 1n }]);
  expect(results.refusals).toEqual([{ name: 'shift', reason: expect.stringContaining('invalid shift 40') }]);
  expect(runVectors(file).passes).toEqual(expect.arrayContaining(['memory', 'call']));
});

test('the instruction vectors pass on the kernel as in the VM', () => {
  const vectors = INSTRUCTION_VECTORS.map((vector) => ({
    name: vector.name,
    program: hex(assemble(vector)),
    memory: '',
    expected: `0x${vector.expected.toString(16)}`,
  }));
  const results = runVectorsOnKernel(fileOf(vectors));
  expect(results.mismatches).toEqual([]);
  const refused = INSTRUCTION_VECTORS.filter((vector) => vector.refused !== undefined);
  expect(results.refusals.map(({ name }) => name)).toEqual(refused.map(({ name }) => name));
});
