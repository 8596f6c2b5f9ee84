import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeAll } from './write-all.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-write-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('all of a text is written', () => {
  const file = join(directory, 'text');
  const fd = openSync(file, 'w');
  writeAll(fd, 'grüße\n');
  closeSync(fd);
  expect(readFileSync(file, 'utf8')).toBe('grüße\n');
});

test('a pipe that nobody reads any more, as behind head, is no failure', () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, 'w');
  closeSync(reader);
  expect(() => writeAll(writer, 'more')).not.toThrow();
  closeSync(writer);
  expect(() => writeAll(writer, 'more')).toThrow('EBADF');
});
