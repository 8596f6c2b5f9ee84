import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type AttachmentRecord,
  type DirectionRecord,
  listRecords,
  newRecord,
  readRecord,
  removeRecord,
  setAside,
  writeRecord,
} from './records.ts';

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

test('what a write that died has left goes with the record, also where there is none', () => {
  writeRecord(directory, record);
  for (const _ of ['beside a record', 'alone']) {
    writeFileSync(join(directory, '_2e_2e_2fc_2e1-eth0_2e7.json.tmp'), '{');
    removeRecord(directory, record);
    expect(readdirSync(directory)).toEqual([]);
  }
});

test('a record is a file of root alone inside the directory, whatever the container is called', () => {
  writeRecord(directory, record);
  const [name = ''] = readdirSync(directory);
  expect(name).toBe('_2e_2e_2fc_2e1-eth0_2e7.json');
  expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
});

test('a write that fails leaves the directory as it was', () => {
  mkdirSync(join(directory, '_2e_2e_2fc_2e1-eth0_2e7.json'));
  expect(() => writeRecord(directory, record)).toThrow(/^write .*eth0_2e7.json: (EISDIR|ENOTEMPTY|EEXIST)$/);
  expect(readdirSync(directory)).toEqual(['_2e_2e_2fc_2e1-eth0_2e7.json']);
});

const whole = { ...record, phase: 'attached' };
const direction: DirectionRecord = {
  ...{ rateBitsPerSecond: 1e7, side: 'host', device: 'veth1', ifindex: 7, hook: 'egress', pacing: 'police' },
  ...{ reason: '', made: [{ mode: 'tcx', ifindex: 7, direction: 'egress', pinPath: '/sys/fs/bpf/a' }] },
};

test.each([
  ...['', '{', 'null', '[]', '\ufffd\u0000', '{"format":1}', JSON.stringify({ ...whole, format: 2 })],
  ...[{ containerId: 5 }, { containerId: 'another' }, { netns: null }, { pod: 'web' }].map((fault) =>
    JSON.stringify({ ...whole, ...fault }),
  ),
  ...[
    null,
    {},
    { ...direction, made: {} },
    { ...direction, made: [null] },
    { ...direction, ifindex: '7' },
  ].map((ingress) => JSON.stringify({ ...whole, directions: { ingress } })),
  JSON.stringify({ ...whole, phase: 'failed', failure: { at: 'now' } }),
])('a record that holds %j is told apart from none, and keeps none from being read', (text) => {
  const sound: AttachmentRecord = { ...record, containerId: 'sound', directions: { egress: direction } };
  writeRecord(directory, sound);
  writeRecord(directory, record);
  const name = '_2e_2e_2fc_2e1-eth0_2e7.json';
  writeFileSync(join(directory, name), text);
  expect(() => readRecord(directory, record)).toThrow(join(directory, name));
  const unreadable: unknown[] = [];
  expect(listRecords(directory, (error) => unreadable.push(error))).toEqual([sound]);
  expect(unreadable).toEqual([expect.objectContaining({ message: expect.stringContaining(name) })]);
});

test('a copy that somebody made of a record is no record', () => {
  writeRecord(directory, record);
  copyFileSync(join(directory, '_2e_2e_2fc_2e1-eth0_2e7.json'), join(directory, 'copy.json'));
  const unreadable: unknown[] = [];
  expect(listRecords(directory, (error) => unreadable.push(error))).toEqual([record]);
  expect(unreadable).toHaveLength(1);
});

test.each<[text: string, isDamaged: boolean]>([
  ['', true],
  ['{', true],
  ['[]', true],
  ['{"format":0}', true],
  ['{"format":1}', true],
  [JSON.stringify({ ...whole, containerId: 'another' }), true],
  [JSON.stringify(whole), false],
  ['{"format":2,"of":"a newer natra"}', false],
])('of a record, %j is set aside: %s', (text, expected) => {
  const key = '_2e_2e_2fc_2e1-eth0_2e7';
  expect(setAside(directory, key)).toBe(false);
  writeFileSync(join(directory, `${key}.json`), text);
  expect(setAside(directory, key)).toBe(expected);
  expect(readdirSync(directory)).toEqual([`${key}.json${expected ? '.damaged' : ''}`]);
});
