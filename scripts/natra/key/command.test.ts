import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { frameNamed } from '../../../verifier-tests/parser/frames.ts';
import { pcapOf } from '../../../verifier-tests/parser/tshark.ts';
import { keyCommand } from './command.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'natra-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NAMES = ['QinQ, IPv4, TCP', 'untagged, IPv6, ICMPv6 neighbour discovery 135', 'untagged, ARP'];
const frames = NAMES.map(frameNamed);

/** A capture with these bytes changed. */
function fileOf(name: string, change: (bytes: Buffer) => void = () => undefined): string {
  const file = path.join(folder, name);
  const bytes = Buffer.from(pcapOf(frames));
  change(bytes);
  writeFileSync(file, bytes);
  return file;
}

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

function run(...argv: string[]): Ran {
  let out = '';
  let error = '';
  const status = keyCommand(argv, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
  });
  return { status, out, error };
}

test('each packet has a line', () => {
  const { status, out } = run(fileOf('three.pcap'));
  expect(status).toBe(0);
  expect(out.split('\n')).toEqual([
    '1  10.11.12.13 > 20.21.22.23, protocol 6, ports 33154 > 33668, 86 bytes, 62 of headers, ECT(0)',
    '2  2001:db8:102:304:506:708:90a:b0c > 2001:db8:2122:2324:2526:2728:292a:2b2c, protocol 58, type 135, identifier 0, 86 bytes, ECT(0), vital',
    '3  ethertype 0x0806, 60 bytes, vital',
    '',
  ]);
});

test('--json gives an array of keys', () => {
  const rows = JSON.parse(run(fileOf('three.pcap'), '--json').out);
  expect(rows[0]).toEqual({
    number: 1,
    time: '0.000000000',
    wireBytes: 86,
    source: '10.11.12.13',
    destination: '20.21.22.23',
    protocol: 6,
    sourcePort: 0x8182,
    destinationPort: 0x8384,
    ecn: 'ECT(0)',
    vital: false,
    headerBytes: 62,
  });
  expect(rows[2]).toMatchObject({ number: 3, etherType: 0x0806, vital: true });
});

test('a packet that was cut in the capture has its length on the wire', () => {
  const file = fileOf('cut.pcap', (bytes) => bytes.writeUInt32LE(1500, 24 + 12));
  expect(run(file).out).toContain('1500 bytes');
});

test('what it cannot read is told in a line', () => {
  expect(() => run()).toThrow('key: name one capture file');
  expect(() => run('a', 'b')).toThrow('key: name one capture file');
  expect(() => run(path.join(folder, 'absent'))).toThrow(/^read .*absent: ENOENT/);
  const firewire = fileOf('firewire.pcap', (bytes) => bytes.writeUInt32LE(138, 20));
  expect(() => run(firewire)).toThrow(/: packet 1: link type 138 is neither Ethernet, .*, raw IP/);
});

test('of a capture that ends within a packet, those before it have a line', () => {
  const whole = run(fileOf('three.pcap'));
  const file = path.join(folder, 'short.pcap');
  writeFileSync(file, pcapOf(frames).subarray(0, -1));
  const { status, out, error } = run(file);
  expect(status).toBe(1);
  expect(whole.out.startsWith(out)).toBe(true);
  expect(out.split('\n')).toHaveLength(3);
  expect(error).toContain(`read ${file}: after packet 2: the capture ends within a record`);
});

test('a capture that gzip compressed reads as it did before', () => {
  const file = path.join(folder, 'three.pcap.gz');
  writeFileSync(file, gzipSync(pcapOf(frames)));
  expect(run(file)).toEqual(run(fileOf('three.pcap')));
});
