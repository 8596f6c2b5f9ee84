import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { pageSize, pageSizeIn } from './page-size.ts';

const auxiliary = (...words: number[]): Uint8Array =>
  new Uint8Array(new BigUint64Array(words.map(BigInt)).buffer);

test('a kernel of 64 KiB pages says so in the auxiliary vector', () => {
  expect(pageSizeIn(auxiliary(33, 0x7fff, 6, 65_536, 0, 0))).toBe(65_536);
});

test('a vector without a page size is refused', () => {
  expect(() => pageSizeIn(auxiliary(33, 1, 0, 0))).toThrow(/page size/);
});

test('the page size is that of libc', () => {
  expect(pageSize()).toBe(Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })));
});
