import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runVectors } from './vectors.ts';

const folder = mkdtempSync(join(tmpdir(), 'natra-vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (content: unknown): string => {
  const file = join(folder, 'vectors.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
};
/** r0 = *(u8 *)(r1 + 1); exit. */
const SECOND_BYTE = '7110010000000000 9500000000000000';

test('vectors are told apart by what they gave', () => {
  const vector = { program: SECOND_BYTE, memory: '0a0b' };
  const file = fileOf({
    vectors: [
      { ...vector, name: 'right', expected: '0xb' },
      { ...vector, name: 'wrong', expected: '0xc' },
      { ...vector, name: 'outside', memory: '0a', expected: '0x0' },
    ],
  });
  const results = runVectors(file);
  expect(results.passes).toEqual(['right']);
  expect(results.mismatches).toEqual([{ name: 'wrong', expected: 12n, r0: 11n }]);
  expect(results.refusals.map(({ name }) => name)).toEqual(['outside']);
  expect(results.refusals[0]?.reason).toMatch(/offset 1 of the memory, which has 1 bytes/);
});

test('a file of another form is named', () => {
  expect(() => runVectors(fileOf([]))).toThrow('read vectors of vectors.json: no list "vectors" in it');
  expect(() => runVectors(fileOf({ vectors: [{ name: 'half' }] }))).toThrow(/vector 0 needs the strings/);
});
