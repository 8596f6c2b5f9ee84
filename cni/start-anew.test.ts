import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SyscallName, setSyscallHook } from '../loader/index.ts';
import { KNOWN_SEED, startAnew } from './start-anew.ts';

const { execArgv } = process;
let asked: SyscallName[];

beforeEach(() => {
  process.execArgv = [KNOWN_SEED];
  asked = [];
  // This process stays what it is: the kernel refuses all.
  setSyscallHook((name) => {
    asked.push(name);
    return -38;
  });
});
afterEach(() => {
  process.execArgv = execArgv;
  setSyscallHook(undefined);
});

test('what is longer than 16 KiB is left to another Node.js, and answered here where there can be none', () => {
  startAnew(() => 'x'.repeat(16_384));
  expect(asked).toEqual([]);
  startAnew(() => 'x'.repeat(16_385));
  expect(asked).toEqual(['memfd_create']);
});

test('without a known seed all is answered here', () => {
  process.execArgv = [];
  startAnew(() => 'x'.repeat(500_000));
  expect(asked).toEqual([]);
});
