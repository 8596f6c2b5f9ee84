import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Attachment as KernelAttachment } from '../../loader/index.ts';
import { type AttachmentRecord, type DirectionRecord, newRecord, readRecord } from '../state/records.ts';
import { Ledger } from './ledger.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-ledger-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const record: AttachmentRecord = newRecord({
  network: 'net',
  containerId: 'c1',
  ifname: 'eth0',
  netns: '/run/netns/a',
  pod: {},
});
const tcx: KernelAttachment = { mode: 'tcx', ifindex: 7, direction: 'egress', pinPath: '/sys/fs/bpf/a' };
const clsact: KernelAttachment = {
  mode: 'clsact',
  ifindex: 7,
  direction: 'egress',
  name: 'natra',
  madeQdisc: true,
};
const htb: KernelAttachment = { mode: 'htb', ifindex: 7 };
const planOf = (...made: KernelAttachment[]): DirectionRecord => ({
  rateBitsPerSecond: 1e7,
  side: 'host',
  device: 'veth1',
  ifindex: 7,
  hook: 'egress',
  pacing: 'queue',
  reason: '',
  made,
});

const onDisk = () => readRecord(directory, record);
const madeOnDisk = (direction: 'ingress' | 'egress') => onDisk()?.directions[direction]?.made;

test('what is intended comes to disk with the first thing that is announced, before that is made', () => {
  const ledger = new Ledger(directory, record);
  ledger.intend('ingress', planOf(tcx));
  expect(readdirSync(directory)).toEqual([]);
  ledger.journal('ingress', tcx);
  expect(madeOnDisk('ingress')).toEqual([tcx]);
});

test('what is named already is announced anew where the file was written before it was', () => {
  const ledger = new Ledger(directory, record);
  ledger.plan('ingress', planOf(htb, tcx));
  ledger.intend('egress', planOf(tcx));
  expect(madeOnDisk('egress')).toBeUndefined();
  ledger.open();
  expect(madeOnDisk('egress')).toBeUndefined();
  ledger.journal('egress', tcx);
  expect(madeOnDisk('egress')).toEqual([tcx]);
});

test('a queue comes before the program, of which there is one', () => {
  const ledger = new Ledger(directory, record);
  ledger.intend('ingress', planOf(tcx));
  ledger.journal('ingress', htb);
  expect(madeOnDisk('ingress')).toEqual([htb, tcx]);
  ledger.journal('ingress', clsact);
  expect(madeOnDisk('ingress')).toEqual([htb, clsact]);
});

test('limits in force are said to be changing as soon as anybody begins to', () => {
  const ledger = new Ledger(directory, { ...record, directions: { egress: planOf(tcx) } });
  expect(onDisk()).toMatchObject({ phase: 'attaching', directions: { egress: { made: [tcx] } } });
  ledger.note('egress', { layouts: { counters: '1' } });
  expect(onDisk()?.directions.egress?.layouts).toBeUndefined();
  ledger.complete();
  expect(onDisk()).toMatchObject({
    phase: 'attached',
    directions: { egress: { layouts: { counters: '1' } } },
  });
});

test('what has been undone is off the record with the next word of it, and no more is said of it', () => {
  const ledger = new Ledger(directory, record);
  ledger.plan('ingress', planOf(tcx));
  ledger.drop('ingress');
  expect(() => ledger.amend('ingress', {})).toThrow('nothing is planned');
  ledger.complete();
  expect(onDisk()).toEqual({ ...record, phase: 'attached', directions: {} });
});
