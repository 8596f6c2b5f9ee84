import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CniError } from '../errors.ts';
import { withLock } from './lock.ts';

let stateDirectory: string;
let log: string[];
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'natra-lock-'));
  log = [];
});
afterEach(() => rmSync(stateDirectory, { recursive: true }));

const node = () => ({ stateDirectory, log: (message: string) => log.push(message) });

test('a call that finds another at work on its attachment is to try again later', () => {
  const meanwhile = () => withLock('c1-eth0', node(), () => 'both at work', 20);
  const attempt = () => withLock('c1-eth0', node(), meanwhile);
  expect(attempt).toThrow(CniError);
  expect(attempt).toThrow(expect.objectContaining({ code: 11, message: 'another call is at work' }));
});

test('the lock is free again after its call, also where that threw', () => {
  const throwing = (): never => {
    throw new Error('the call failed');
  };
  expect(() => withLock('c1-eth0', node(), throwing)).toThrow('the call failed');
  expect(withLock('c1-eth0', node(), () => 'done', 0)).toBe('done');
});

test('another attachment is not waited for', () => {
  expect(withLock('c1-eth0', node(), () => withLock('c2-eth0', node(), () => 'done', 0))).toBe('done');
});

test('the files of the locks are for root alone, and none is named after a container', () => {
  withLock('c1-eth0', node(), () => {});
  const [file = ''] = readdirSync(join(stateDirectory, 'locks'));
  expect(file).toMatch(/^\d+$/);
  const mode = (path: string): number => statSync(path).mode & 0o777;
  expect([mode(join(stateDirectory, 'locks')), mode(join(stateDirectory, 'locks', file))]).toEqual([
    0o700, 0o600,
  ]);
});

test('where there can be no lock, the call goes on without and says so', () => {
  writeFileSync(join(stateDirectory, 'locks'), 'no directory');
  expect(withLock('c1-eth0', node(), () => 'done')).toBe('done');
  expect(log).toEqual([expect.stringMatching(/^c1-eth0: go on without a lock: E(EXIST|NOTDIR)/)]);
});
