import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listRecords, newRecord, readRecord, removeRecord, writeRecord } from './records.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-records-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const record = newRecord({
  network: 'net',
  containerId: '../c.1',
  ifname: 'eth0.7',
  netns: '/run/netns/a',
  pod: { name: 'web' },
});

test('what is written is read, listed and removed', () => {
  const state = join(directory, 'state');
  expect(readRecord(state, record)).toBeUndefined();
  expect(listRecords(state, () => {})).toEqual([]);
  writeRecord(state, record);
  expect(readRecord(state, record)).toEqual(record);
  expect(listRecords(state, () => {})).toEqual([record]);
  removeRecord(state, record);
  removeRecord(state, record);
  expect(readdirSync(state)).toEqual([]);
});

test('a record is a file of root alone inside the directory, whatever the container is called', () => {
  writeRecord(directory, record);
  const [name = ''] = readdirSync(directory);
  expect(name).toBe('_2e_2e_2fc_2e1-eth0_2e7.json');
  expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
});

test('a write that fails leaves the directory as it was', () => {
  mkdirSync(join(directory, '_2e_2e_2fc_2e1-eth0_2e7.json'));
  expect(() => writeRecord(directory, record)).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(directory)).toEqual(['_2e_2e_2fc_2e1-eth0_2e7.json']);
});

test.each(['', '{', 'null', '{"format":2,"directions":{}}', '{"format":1}'])(
  'a record that holds %j is told apart from none',
  (text) => {
    writeRecord(directory, record);
    const [name = ''] = readdirSync(directory);
    writeFileSync(join(directory, name), text);
    expect(() => readRecord(directory, record)).toThrow();
    const unreadable: unknown[] = [];
    expect(listRecords(directory, (error) => unreadable.push(error))).toEqual([]);
    expect(unreadable).toHaveLength(1);
  },
);
