import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepCode } from './install/keep-code.ts';
import { readPart } from './part.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'natra-part-'));
  file = join(folder, 'part.cjs');
  writePart("exports.add = (a, b) => a + b; exports.own = __dirname; exports.os = require('node:os');");
});
afterEach(() => rmSync(folder, { recursive: true }));

const writePart = (text: string): void => writeFileSync(file, Module.wrap(text));

const read = () => readPart(file, createRequire(file)) as { add(a: number, b: number): number; own: string };

test('a part exports what it would by require()', () => {
  const { add, own } = read();
  expect([add(2, 3), own]).toEqual([5, folder]);
});

const fail = () => {
  throw new Error('there is no network namespace to rehearse in');
};

test.each([() => {}, fail])(
  'the code that was kept of it is taken by V8, rehearsed or not',
  async (rehearse) => {
    await keepCode(file, rehearse);
    const cachedData = readFileSync(`${file}.code`);
    const script = new Script(readFileSync(file, 'utf8'), { filename: file, cachedData });
    expect(script.cachedDataRejected).toBe(false);
    expect(read().add(2, 3)).toBe(5);
  },
);

test('the code that is kept is that of what the rehearsal ran, or of all where it failed', async () => {
  const functions = ['used', 'unused'].map((name) => `exports.${name} = (a) => ${'a * 3 + '.repeat(500)} a;`);
  writePart(functions.join(''));
  const sizeAfter = async (
    rehearse: (exported: Record<string, (a: number) => number>) => void,
  ): Promise<number> => {
    await keepCode(file, (exported) => rehearse(exported as Record<string, (a: number) => number>));
    return statSync(`${file}.code`).size;
  };
  const none = await sizeAfter(() => {});
  const one = await sizeAfter(({ used }) => used?.(1));
  const both = await sizeAfter(({ used, unused }) => used?.(unused?.(1) ?? 0));
  const all = await sizeAfter(fail);
  expect(none).toBeLessThan(one);
  expect(one).toBeLessThan(both);
  expect(all).toBeGreaterThan(one * 1.5);
});

test('code that V8 refuses is passed over', () => {
  writeFileSync(`${file}.code`, 'made by another Node.js');
  expect(read().add(2, 3)).toBe(5);
});
