import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeyOf } from '../scripts/natra/key/flow-key.ts';
import { collecting } from '../verifier-tests/coverage/collect.ts';
import { sampling } from '../verifier-tests/differential/agree.ts';
import { frameNamed } from '../verifier-tests/parser/frames.ts';

const PARSING = [{}, { untagged: 1 }, { ipv4Only: 1 }].map((config) => createKeyOf(collecting, { config }));

/** What any device here would make segments of. */
const FRAMES = [
  'untagged, IPv4, TCP',
  'untagged, IPv4, TCP with 12 bytes of options',
  'QinQ, IPv6, hop-by-hop, TCP',
  '802.1Q, IPv4 with 40 bytes of options, UDP',
  'untagged, IPv6, UDP',
  'untagged, IPv4, SCTP',
  'untagged, IPv4, ESP',
  'untagged, IPv4, first fragment, UDP',
  'untagged, IPv6, GRE with key, sequence',
  'untagged, IPv4, IPv6',
  'untagged, ARP',
] as const;

/** What the headers may have in all where the parser doesn't read them: two of IPv6, a tunnel's and TCP's. */
const MOST_HEADER_BYTES = 256;

interface Gso {
  readonly name: (typeof FRAMES)[number];
  /** Index into PARSING. */
  readonly parsing: number;
  /** Bytes of a tunnel's headers behind those of the frame. */
  readonly tunnel: number;
  readonly segments: number;
  readonly size: number;
  /** Payload of the last segment. */
  readonly last: number;
}

const gsoPackets: fc.Arbitrary<Gso> = fc
  .record({
    name: fc.constantFrom(...FRAMES),
    parsing: fc.nat(PARSING.length - 1),
    tunnel: fc.nat(100),
    segments: fc.integer({ min: 2, max: 45 }),
    size: fc.constantFrom(8, 88, 536, 1200, 1448),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ share, ...gso }) => ({ ...gso, last: Math.max(1, Math.ceil(gso.size * share)) }));

/** The packet, the length of all its headers, and the bytes of all its segments. */
function packetOf({ name, parsing, tunnel, segments, size, last }: Gso) {
  const start = frameNamed(name);
  const read = PARSING[parsing]?.(start).headerBytes ?? 0;
  const headers = read === 0 ? Math.min(start.length + tunnel, MOST_HEADER_BYTES) : read;
  const payload = (segments - 1) * size + last;
  const bytes = new Uint8Array(headers + payload);
  bytes.set(start.subarray(0, headers));
  return { bytes, headers, read: read !== 0, wire: segments * headers + payload };
}

const charged = ({ parsing }: Gso, bytes: Uint8Array, fields: Parameters<(typeof PARSING)[number]>[1]) =>
  PARSING[parsing]?.(bytes, fields).wireBytes;

/** On ingress `wire_len` is the packet without its Ethernet header. */
const onIngress = (bytes: Uint8Array) => ({ wireLen: bytes.length - 14 });

test('what no header tells is charged no less than its segments take, and what is read exactly that', () => {
  fc.assert(
    fc.property(gsoPackets, (gso) => {
      const { bytes, read, wire } = packetOf(gso);
      const fields = { ...onIngress(bytes), gsoSegs: gso.segments, gsoSize: gso.size };
      const bytesCharged = charged(gso, bytes, fields);
      if (read) expect(bytesCharged).toBe(wire);
      else {
        expect(bytesCharged).toBeGreaterThanOrEqual(wire);
        expect(bytesCharged).toBeLessThanOrEqual(bytes.length + (gso.segments - 1) * MOST_HEADER_BYTES);
      }
    }),
    sampling(200),
  );
});

test("on egress segments are charged what the kernel says that they take, a tunnel's too", () => {
  fc.assert(
    fc.property(gsoPackets, (gso) => {
      const { bytes, wire } = packetOf(gso);
      const fields = { wireLen: wire, gsoSegs: gso.segments, gsoSize: gso.size };
      expect(charged(gso, bytes, fields)).toBe(wire);
    }),
    sampling(200),
  );
});

test('on egress before Linux 6.17 a tunnel is charged what the kernel itself counts: outer headers alone', () => {
  const [read] = PARSING;
  const [outer, tunnel, mss, segments] = [34, 70, 1400, 45];
  const bytes = new Uint8Array(outer + tunnel + segments * mss);
  bytes.set(frameNamed('untagged, IPv4, UDP').subarray(0, outer + 8));
  // The length of TCP's header is read from VXLAN's, where it is 0.
  const wireLen = bytes.length + (segments - 1) * outer;
  expect(read?.(bytes, { wireLen, gsoSegs: segments, gsoSize: mss }).wireBytes).toBe(wireLen);
});

test('a tag that the device keeps apart from the packet changes neither its key nor what it is charged', () => {
  for (const name of FRAMES) {
    const bytes = frameNamed(name);
    for (const keyOf of PARSING)
      expect(keyOf(bytes, { vlanPresent: 1, vlanTci: 5, vlanProto: 0x8100 })).toEqual(keyOf(bytes, {}));
  }
});

test('segments that nobody has counted yet are charged no less than they take', () => {
  fc.assert(
    fc.property(gsoPackets, (gso) => {
      const { bytes, wire } = packetOf(gso);
      const fields = { ...onIngress(bytes), gsoSegs: 0, gsoSize: gso.size };
      expect(charged(gso, bytes, fields)).toBeGreaterThanOrEqual(wire);
    }),
    sampling(200),
  );
});

test('a packet that is no GSO packet is charged its length', () => {
  for (const name of FRAMES) {
    const bytes = frameNamed(name);
    for (const gsoSegs of [0, 1])
      expect(PARSING[0]?.(bytes, { ...onIngress(bytes), gsoSegs }).wireBytes).toBe(bytes.length);
  }
});
