import { expect, test } from 'vitest';
import { callHelper, type Machine } from './call.ts';
import { Clock, RandomSource } from './clock.ts';
import { HELPERS, isAvailable } from './helpers.ts';
import { Skb, type SkbOptions } from './skb.ts';
import {
  l3CsumReplace,
  skbEcnSetCe,
  skbLoadBytes,
  skbPullData,
  skbSetTstamp,
  skbStoreBytes,
} from './skb-helpers.ts';
import { testRunContext, testRunRefusal } from './test-run.ts';
import { XdpBuff } from './xdp.ts';

const bytes = (hexadecimal: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hexadecimal.replaceAll(' ', ''), 'hex'));
const ETHERNET = '000000000001 000000000002';
const IPV4 = (tos: string, check: string): string =>
  `45${tos} 0014 0000 0000 4006 ${check} 0a000001 0a000002`;
const IPV6 = (first: string): string => `${first} 0000 3b40 ${'00'.repeat(32)}`;
const packet = (rest: string, options?: SkbOptions): Skb => new Skb(bytes(`${ETHERNET}${rest}`), options);
const hex = (skb: Skb, from: number, to: number): string =>
  Buffer.from(skb.data.subarray(from, to)).toString('hex');

test('the protocol is the EtherType, or one of the two 802.3 kinds', () => {
  expect(packet(`0800 ${IPV4('00', '0000')}`).get('protocol')).toBe(0x0800n);
  expect(packet('0010 ffff').get('protocol')).toBe(1n);
  expect(packet('0010 aaaa').get('protocol')).toBe(4n);
  expect(packet('0010 ff').get('protocol')).toBe(4n);
});

test('a packet alone has the fields of a test run', () => {
  const skb = packet(`0800 ${IPV4('00', '0000')}`);
  const fields = ['len', 'wireLen', 'ifindex', 'mark', 'gsoSegs', 'hash', 'tstamp'];
  expect(fields.map((name) => skb.get(name))).toEqual([34n, 34n, 1n, 0n, 0n, 0n, 0n]);
});

test('a written field wraps to what the kernel stores', () => {
  const skb = packet('0806');
  skb.set('mark', 0x1_0000_0005n);
  skb.set('tcClassid', 0x1_0002n);
  expect([skb.mark, skb.tcClassid]).toEqual([5, 2]);
  expect(() => skb.set('len', 1n)).toThrow(/no program may/);
  expect(() => skb.get('colour')).toThrow(/no such field/);
});

test('load_bytes reads the fragments too, and zeroes its buffer where it fails', () => {
  const skb = new Skb(
    Uint8Array.from({ length: 64 }, (_, index) => index),
    { linearLength: 20 },
  );
  const to = new Uint8Array(4);
  expect(skbLoadBytes(skb, 60, to)).toBe(0);
  expect([...to]).toEqual([60, 61, 62, 63]);
  expect(skbLoadBytes(skb, 61, to)).toBe(-14);
  expect([...to]).toEqual([0, 0, 0, 0]);
  expect(skbLoadBytes(skb, 0xffffffff, to)).toBe(-14);
});

test('store_bytes writes, makes linear, invalidates, and obeys its flags', () => {
  const skb = new Skb(new Uint8Array(64), { linearLength: 20, hash: 7 });
  expect(skbStoreBytes(skb, 30, Uint8Array.of(1, 2), 0n)).toBe(0);
  expect([skb.data[30], skb.data[31], skb.linearLength, skb.generation, skb.hash]).toEqual([1, 2, 32, 1, 7]);
  expect(skbStoreBytes(skb, 63, Uint8Array.of(1, 2), 0n)).toBe(-14);
  expect(skbStoreBytes(skb, 0x80000000, Uint8Array.of(1), 0n)).toBe(-14);
  expect(skbStoreBytes(skb, 0, Uint8Array.of(1), 4n)).toBe(-22);
  expect(skbStoreBytes(skb, 0, Uint8Array.of(1), 3n)).toBe(0);
  expect(skb.hash).toBe(0);
});

test('pull_data makes the asked bytes linear', () => {
  const skb = new Skb(new Uint8Array(64), { linearLength: 20 });
  expect(skbPullData(skb, 0)).toBe(0);
  expect(skb.linearLength).toBe(20);
  expect(skbPullData(skb, 40)).toBe(0);
  expect(skb.linearLength).toBe(40);
  expect(skbPullData(skb, 65)).toBe(-12);
  expect([skb.linearLength, skb.generation]).toEqual([40, 3]);
});

test('l3_csum_replace keeps an IPv4 checksum right', () => {
  // RFC 1071: the header sums to 0xffff with its checksum.
  const header = '4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7';
  const sumOf = (skb: Skb): number => {
    let sum = 0;
    for (let at = 14; at < 34; at += 2) sum += ((skb.data[at] ?? 0) << 8) | (skb.data[at + 1] ?? 0);
    return (sum & 0xffff) + (sum >> 16);
  };
  const skb = packet(`0800 ${header}`);
  expect(sumOf(skb)).toBe(0xffff);
  // TTL and protocol: 0x4011 becomes 0x3f11, loaded little-endian.
  skb.data[22] = 0x3f;
  expect(l3CsumReplace(skb, 24, 0x1140n, 0x113fn, 2n)).toBe(0);
  expect(sumOf(skb)).toBe(0xffff);
  // Destination address.
  skb.data.set([10, 1, 2, 3], 30);
  expect(l3CsumReplace(skb, 24, 0xc700a8c0n, 0x0302010an, 4n)).toBe(0);
  expect(sumOf(skb)).toBe(0xffff);
});

test('l3_csum_replace refuses what the kernel refuses', () => {
  const skb = packet(`0800 ${IPV4('00', '0000')}`);
  expect(l3CsumReplace(skb, 24, 0n, 0n, 0x10n)).toBe(-22);
  expect(l3CsumReplace(skb, 25, 0n, 0n, 2n)).toBe(-14);
  expect(l3CsumReplace(skb, 0x10000, 0n, 0n, 2n)).toBe(-14);
  expect(l3CsumReplace(skb, 34, 0n, 0n, 2n)).toBe(-14);
  expect(l3CsumReplace(skb, 24, 1n, 0n, 0n)).toBe(-22);
  expect(l3CsumReplace(skb, 24, 0n, 0n, 3n)).toBe(-22);
});

test.each([
  ['ECT(0)', '02', '0001', 1, '03', 'ffff'],
  ['ECT(1)', '01', 'fff0', 1, '03', 'ffee'],
  ['CE', '03', 'fff0', 1, '03', 'fff0'],
  ['not ECT', '00', 'fff0', 0, '00', 'fff0'],
  ['ECT(0) with a DSCP', 'ba', '1234', 1, 'bb', '1233'],
])(
  'an IPv4 packet that is %s is marked as the kernel does',
  (_, tos, check, result, tosAfter, checkAfter) => {
    const skb = packet(`0800 ${IPV4(tos, check)}`);
    expect(skbEcnSetCe(skb)).toBe(result);
    expect([hex(skb, 15, 16), hex(skb, 24, 26)]).toEqual([tosAfter, checkAfter]);
  },
);

test.each([
  ['ECT(0)', '6020 0000', 1, '60300000'],
  ['ECT(1)', '6010 0000', 1, '60300000'],
  ['not ECT', '6000 0000', 0, '60000000'],
  ['CE with a class and a label', '6ab1 2345', 1, '6ab12345'],
])('an IPv6 packet that is %s is marked as the kernel does', (_, first, result, after) => {
  const skb = packet(`86dd ${IPV6(first)}`);
  expect(skbEcnSetCe(skb)).toBe(result);
  expect(hex(skb, 14, 18)).toBe(after);
});

test('marking needs IP and the header linear', () => {
  expect(skbEcnSetCe(packet(`0806 ${IPV4('02', '0001')}`))).toBe(0);
  expect(skbEcnSetCe(packet(`0800 ${IPV4('02', '0001')}`, { linearLength: 33 }))).toBe(0);
  expect(skbEcnSetCe(packet(`8100 0001 08`))).toBe(0);
});

test('marking a packet with a tag inside works where the network header is known', () => {
  const skb = packet(`8100 0005 0800 ${IPV4('02', '0001')}`, { networkOffset: 18 });
  expect(skbEcnSetCe(skb)).toBe(1);
  expect(hex(skb, 18, 20)).toBe('4503');
});

test('set_tstamp sets the time and its clock, for IP only', () => {
  const skb = packet(`0800 ${IPV4('00', '0000')}`);
  expect(skbSetTstamp(skb, 5n, 1)).toBe(0);
  expect([skb.tstamp, skb.tstampType]).toEqual([5n, 1]);
  expect(skbSetTstamp(skb, 0n, 1)).toBe(-22);
  expect(skbSetTstamp(skb, 0n, 2)).toBe(-22);
  expect(skbSetTstamp(skb, 1n, 3)).toBe(-22);
  expect(skbSetTstamp(skb, 9n, 0)).toBe(0);
  expect([skb.tstamp, skb.tstampType]).toEqual([9n, 0]);
  expect(skbSetTstamp(packet('0806 0000'), 5n, 1)).toBe(-95);
});

test('every helper of the table runs in the model', () => {
  const machine: Machine = {
    clock: new Clock(12_345_678n, 12_000_000n),
    random: new RandomSource(1),
    cpu: 3,
    packet: packet(`0800 ${IPV4('02', '0001')}`),
  };
  const frame = new XdpBuff(new Uint8Array(60));
  const results = HELPERS.map((row) => {
    const memory = row.arguments.includes('ref') ? [new Uint8Array(4)] : [];
    if (!isAvailable(row, 'classifier'))
      return [row.name, callHelper({ ...machine, packet: frame }, row.name, { scalars: [], memory })];
    return [row.name, callHelper(machine, row.name, { scalars: [], memory })];
  });
  expect(Object.fromEntries(results)).toMatchObject({
    ktimeGetNs: 12_345_678n,
    ktimeGetCoarseNs: 12_000_000n,
    jiffies64: 3n,
    getSmpProcessorId: 3n,
    getPrandomU32: 270_369n,
    skbEcnSetCe: 1n,
    skbLoadBytes: 0n,
  });
  expect(results.length).toBe(HELPERS.length);
});

test('a test-run context carries what the kernel lets a caller set', () => {
  const skb = packet('0806', { mark: 7, tstamp: 9n, gsoSegs: 3, wireLen: 100 });
  const view = new DataView(testRunContext(skb).buffer);
  expect([view.getUint32(8, true), view.getBigUint64(152, true), view.getUint32(164, true)]).toEqual([
    7,
    9n,
    3,
  ]);
  expect([view.getUint32(160, true), view.getUint32(0, true), view.byteLength]).toEqual([100, 0, 192]);
});

test.each([
  ['shorter than an Ethernet header', new Skb(new Uint8Array(13))],
  ['longer than', new Skb(new Uint8Array(3713))],
  ['IPv4 header', packet('0800 4500')],
  ['IPv6 header', packet('86dd 6000')],
  ['not linear', packet('0806 0000', { linearLength: 14 })],
  ['wireLen', packet('0806', { wireLen: 5 })],
  ['gsoSegs', packet('0806', { gsoSegs: 65536 })],
  ["can't set hash", packet('0806', { hash: 1 })],
])('the kernel refuses a test run: %s', (reason, skb) => {
  expect(testRunRefusal(skb)).toContain(reason);
});

test('the kernel takes an ordinary packet', () => {
  expect(testRunRefusal(packet(`0800 ${IPV4('00', '0000')}`, { mark: 1, ifindex: 1 }))).toBeUndefined();
});
