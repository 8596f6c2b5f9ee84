import { afterAll, describe, expect, test } from 'vitest';
import { testRun } from '../../loader/bpf/testrun.ts';
import { loadProgram } from '../../loader/object/load.ts';
import { example, type Ipv4Packet, ipv4, ipv6 } from './example.ts';

const TCP = 6;
const UDP = 17;
const PASS = 0xffffffff;
const DROP = 2;

const { object } = example('port-allow-list');
const loaded = [0, 1].map((enforce) => loadProgram(object, 'guard', { settings: { config: { enforce } } }));
afterAll(() => {
  for (const program of loaded) program.close();
});
const [counting, enforcing] = loaded;
if (counting === undefined || enforcing === undefined) throw new Error('the program is not loaded');

const key = (port: number, protocol: number): Uint8Array =>
  new Uint8Array([port & 255, port >> 8, protocol, 0]);
for (const program of loaded) {
  program.maps.allowed?.update(key(443, TCP), new Uint8Array(8));
  program.maps.allowed?.update(key(53, UDP), new Uint8Array(8));
}

const verdict = (packet: Uint8Array, program = enforcing): number =>
  testRun(program.fd, { data: packet }).result;
const counter = (bytes: Uint8Array | undefined): bigint => Buffer.from(bytes ?? []).readBigUInt64LE(0);

describe('the port allow list', () => {
  test.each<readonly [string, Ipv4Packet, number]>([
    ['an allowed port', { protocol: TCP, destinationPort: 443 }, PASS],
    ['an allowed port behind IP options', { protocol: UDP, destinationPort: 53, optionWords: 3 }, PASS],
    ['a port that is allowed for another protocol', { protocol: UDP, destinationPort: 443 }, DROP],
    ['another port', { protocol: TCP, destinationPort: 80 }, DROP],
    ['a packet too short for its ports', { protocol: TCP, optionWords: 5, length: 54 }, DROP],
    ['a later fragment', { protocol: UDP, destinationPort: 80, fragmentOffset: 185 }, PASS],
    ['another protocol', { protocol: 1 }, PASS],
  ])('gives %s its verdict', (_, packet, expected) => {
    expect(verdict(ipv4(packet))).toBe(expected);
  });

  test('leaves other families alone', () => {
    expect(verdict(ipv6(TCP))).toBe(PASS);
  });

  test('counts what it lets through and what it refuses', () => {
    const packets = (): bigint => counter(counting.maps.allowed?.lookup(key(443, TCP)));
    const refused = (): bigint => counter(counting.sections['.bss']?.lookup(new Uint8Array(4)));
    verdict(ipv4({ protocol: TCP, destinationPort: 443 }), counting);
    verdict(ipv4({ protocol: TCP, destinationPort: 443 }), counting);
    verdict(ipv4({ protocol: TCP, destinationPort: 22 }), counting);
    expect([packets(), refused()]).toEqual([2n, 1n]);
  });

  test('only counts when it is told to', () => {
    expect(verdict(ipv4({ protocol: TCP, destinationPort: 80 }), counting)).toBe(PASS);
  });
});
