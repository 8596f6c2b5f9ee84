import { expect, test } from 'vitest';
import { frameNamed } from '../../../verifier-tests/parser/frames.ts';
import { onEthernet } from './link.ts';

/** A packet as another kind of link has it: what stands in front, and the EtherType's place in it. */
const packetOn = (linkType: number, header: string, own: Uint8Array) => {
  const bytes = Buffer.concat([Buffer.from(header.replaceAll(' ', ''), 'hex'), own]);
  return { number: 1, length: bytes.length + 100, bytes, linkType };
};

const TCP4 = frameNamed('untagged, IPv4, TCP');
const TCP6 = frameNamed('untagged, IPv6, TCP');
const TAGGED = frameNamed('802.1Q, IPv4, TCP');

/** Link type, header, and the frame whose packet stands behind it. */
test.each([
  ['raw IPv4', 101, '', TCP4],
  ['raw IPv6', 101, '', TCP6],
  ['IPv4 alone', 228, '', TCP4],
  ['IPv6 alone', 229, '', TCP6],
  ['Linux cooked', 113, '0000 0001 0006 020000000001 0000 0800', TCP4],
  ['Linux cooked, a VLAN tag', 113, '0004 0001 0006 020000000001 0000 8100', TAGGED],
  ['Linux cooked 2', 276, '86dd 0000 00000003 0001 00 06 020000000001 0000', TCP6],
  ['BSD loopback, little-endian', 0, '02000000', TCP4],
  ['BSD loopback, big-endian', 0, '0000001e', TCP6],
  ['OpenBSD loopback', 108, '00000002', TCP4],
])('%s: the packet behind an Ethernet header', (_name, linkType, header, frame) => {
  const own = frame.subarray(14);
  const packet = packetOn(linkType, header, own);
  const { bytes, length, linkType: onto } = onEthernet(packet);
  expect(onto).toBe(1);
  expect(Buffer.from(bytes)).toEqual(Buffer.concat([Buffer.alloc(12), frame.subarray(12)]));
  expect(length).toBe(14 + own.length + 100);
});

test('what is no packet of a network protocol, or cut within its link header, is refused', () => {
  const netlink = packetOn(113, '0004 0338 0000 0000000000000000 0000', TCP4);
  expect(() => onEthernet(netlink)).toThrow('link type 113: it is no packet of a network protocol');
  expect(() => onEthernet(packetOn(101, '', Buffer.from([0x15])))).toThrow('link type 101');
  expect(() => onEthernet(packetOn(0, '07000000', TCP4))).toThrow('link type 0');
  expect(() => onEthernet(packetOn(276, '0800 0000', Buffer.alloc(0)))).toThrow(
    'its link header of 20 bytes is cut to 4',
  );
});
