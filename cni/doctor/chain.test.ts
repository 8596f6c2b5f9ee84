import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ENTRY } from '../install/conflist.ts';
import { chainOf } from './chain.ts';

let place: string;
let folders: { binDirectory: string; confDirectory: string };

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'natra-doctor-'));
  folders = { binDirectory: join(place, 'bin'), confDirectory: join(place, 'net.d') };
  for (const folder of Object.values(folders)) mkdirSync(folder);
});
afterEach(() => rmSync(place, { recursive: true }));

const put = (name: string, ...plugins: object[]): void =>
  writeFileSync(
    join(folders.confDirectory, name),
    JSON.stringify({ cniVersion: '1.0.0', name: 'cluster', plugins }),
  );
const installed = (): void => writeFileSync(join(folders.binDirectory, 'natra'), '');
const found = (): Record<string, string> =>
  Object.fromEntries(
    chainOf(folders).findings.map(({ subject, verdict, words }) => [
      subject.replace(`${place}/`, ''),
      `${verdict}: ${words}`,
    ]),
  );

test('natra in the list that the runtime takes', () => {
  put('10-calico.conflist', { type: 'calico' }, { ...ENTRY, edtPacing: 'off' });
  installed();
  expect(found()).toEqual({
    'net.d': 'ok: natra is in 10-calico.conflist, which the runtime takes',
    bandwidth: "ok: among natra's capabilities",
    'io.kubernetes.cri.pod-annotations': "ok: among natra's capabilities",
    'bin/natra': 'ok: a file, not put there by natra install',
  });
  expect(chainOf(folders).entry).toMatchObject({ edtPacing: 'off' });
});

test('a runtime that hands no limits over misses all', () => {
  put('10-calico.conflist', { type: 'calico' }, { type: 'natra', capabilities: { bandwidth: false } });
  installed();
  expect(found().bandwidth).toMatch(/^missing: .* no limit of a Pod arrives$/);
  expect(found()['io.kubernetes.cri.pod-annotations']).toMatch(/^absent: /);
});

test('a list that names natra where there is none', () => {
  put('10-calico.conflist', { type: 'calico' }, ENTRY);
  expect(found()['bin/natra']).toMatch(/^missing: /);
});

test('natra in another list than the first, and beside bandwidth', () => {
  put('00-multus.conflist', { type: 'multus' });
  put('10-flannel.conflist', { type: 'flannel' }, { type: 'bandwidth' }, ENTRY);
  expect(found()).toMatchObject({
    'net.d': 'note: natra is in 10-flannel.conflist; the runtime takes 00-multus.conflist',
    bandwidth: 'note: it is in 10-flannel.conflist as well, and both limit a Pod',
  });
});

test('a node that natra has not come to', () => {
  expect(found()).toEqual({
    'net.d': expect.stringMatching(/^note: find the node's network configuration: there is no .conflist/),
    'bin/natra': 'note: not installed',
  });
  put('10-calico.conflist', { type: 'calico' });
  writeFileSync(join(folders.confDirectory, '20-broken.conflist'), '{');
  expect(found()['net.d']).toBe('note: natra is in no list: natra install puts it into 10-calico.conflist');
});

test.each([
  ['10-a.conflist', '{', /10-a\.conflist: it is not JSON/],
  [
    '10-a.conflist',
    '{"cniVersion":"1.0.0","name":"a","plugins":5}',
    /10-a\.conflist: it has no list of "plugins"/,
  ],
  ['00-multus.conf', '{"name":"a","type":"multus"}', /multus hands over .* --conf-file 10-flannel\.conflist/],
  [
    '10-a.conflist',
    '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"bandwidth"}]}',
    /the plugin "bandwidth" is in it, .* say --replace-bandwidth/,
  ],
])('a list that natra install would refuse: %s, %s', (name, text, reason) => {
  writeFileSync(join(folders.confDirectory, name), text);
  expect(found()['net.d']).toMatch(/^note: natra is in no list, and natra install can't put it in: /);
  expect(found()['net.d']).toMatch(reason);
});
