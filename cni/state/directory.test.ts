import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeStateDirectory } from './directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'natra-directory-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a directory is made with those above it, for root alone, and may be there', () => {
  const directory = join(folder, 'a', 'b');
  makeStateDirectory(directory);
  makeStateDirectory(directory);
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test('where the kernel makes no directory although there is one to make it in, the attempt ends', () => {
  expect(() => makeStateDirectory('/proc/natra/state')).toThrow('ENOENT');
});

test.each(['', 'state'])('what is in its place is told: at "%s"', (below) => {
  writeFileSync(join(folder, 'file'), '');
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
  expect(() => makeStateDirectory(join(folder, 'file', below))).toThrow(below === '' ? 'EEXIST' : 'ENOTDIR');
  expect(() => makeStateDirectory(join(folder, 'link', below))).toThrow('EEXIST');
});

test('a link to a directory is one', () => {
  mkdirSync(join(folder, 'elsewhere'));
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
  makeStateDirectory(join(folder, 'link'));
  makeStateDirectory(join(folder, 'link', 'state'));
  expect(statSync(join(folder, 'elsewhere', 'state')).isDirectory()).toBe(true);
});
