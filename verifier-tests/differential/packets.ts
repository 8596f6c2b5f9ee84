/** Random Ethernet frames: what a Pod may send, and what nobody should. */
import fc from 'fast-check';

const bytes = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length });

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

/** Few, so that packets of one sequence share flows. */
const address4 = fc.constantFrom([10, 0, 0, 1], [10, 0, 0, 2], [192, 168, 1, 9]);
const address6 = fc
  .constantFrom(1, 2, 0xffff)
  .map((last) => [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...u16(last)]);
const port = fc.constantFrom(80, 443, 53, 32768, 65535);

const TCP = 6;
const UDP = 17;

/** Protocol number, and the header with some payload. */
interface Transport {
  readonly protocol: number;
  readonly bytes: readonly number[];
}

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 64 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65, max: 1400 }) },
);

const tcp: fc.Arbitrary<Transport> = fc
  .tuple(port, port, fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 255 }), payload)
  .map(([source, destination, offset, flags, length]) => ({
    protocol: TCP,
    bytes: [
      ...u16(source),
      ...u16(destination),
      ...u32(1),
      ...u32(2),
      offset << 4,
      flags,
      ...u16(512),
      ...u32(0),
      ...new Array<number>(length).fill(0x61),
    ],
  }));

const udp: fc.Arbitrary<Transport> = fc.tuple(port, port, payload).map(([source, destination, length]) => ({
  protocol: UDP,
  bytes: [
    ...u16(source),
    ...u16(destination),
    ...u16(8 + length),
    0,
    0,
    ...new Array<number>(length).fill(0x62),
  ],
}));

/** SCTP, DCCP, GRE, ESP, AH, ICMP, ICMPv6, UDP-Lite, IPIP, and whatever else. */
const other: fc.Arbitrary<Transport> = fc
  .tuple(
    fc.oneof(fc.constantFrom(1, 4, 33, 47, 50, 51, 58, 132, 136), fc.integer({ min: 0, max: 255 })),
    fc.oneof(
      bytes(24),
      // ICMP echo, ICMPv6 echo and neighbour discovery, GRE with a key.
      fc
        .constantFrom([8, 0], [0, 0], [128, 0], [135, 0], [136, 0], [0x20, 0])
        .chain((start) => bytes(22).map((rest) => [...start, ...rest])),
    ),
  )
  .map(([protocol, content]) => ({ protocol, bytes: content }));

const transport = fc.oneof(
  { weight: 4, arbitrary: tcp },
  { weight: 3, arbitrary: udp },
  { weight: 2, arbitrary: other },
);

const trafficClass = fc.constantFrom(0, 1, 2, 3, 0xb8, 0xb9);

function checksum(header: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += ((header[at] ?? 0) << 8) | (header[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const ipv4: fc.Arbitrary<readonly number[]> = fc
  .tuple(
    transport,
    address4,
    address4,
    trafficClass,
    fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.constantFrom(0x4000, 0x2000, 0x2001, 0x00b9)),
    fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 10 })),
    fc.oneof({ weight: 9, arbitrary: fc.constant(4) }, fc.integer({ min: 0, max: 15 })),
  )
  .map(([{ protocol, bytes: content }, source, destination, tos, fragment, options, version]) => {
    const words = 5 + options;
    const header = [
      (version << 4) | words,
      tos,
      ...u16(words * 4 + content.length),
      ...u16(7),
      ...u16(fragment),
      64,
      protocol,
      0,
      0,
      ...source,
      ...destination,
      ...new Array<number>(options * 4).fill(1),
    ];
    header.splice(10, 2, ...u16(checksum(header)));
    return [...u16(0x0800), ...header, ...content];
  });

/** Hop-by-hop, routing, fragment, destination options, mobility, AH in a row. */
const extensions = fc.array(
  fc.tuple(fc.constantFrom(0, 43, 44, 60, 135, 51), fc.integer({ min: 0, max: 2 }), bytes(6)),
  { maxLength: 8 },
);

const ipv6: fc.Arbitrary<readonly number[]> = fc
  .tuple(
    transport,
    address6,
    address6,
    trafficClass,
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, extensions),
  )
  .map(([{ protocol, bytes: content }, source, destination, tclass, chain]) => {
    const kinds = [...chain.map(([kind]) => kind), protocol];
    const headers = chain.flatMap(([, length, rest], index) => [
      kinds[index + 1] ?? protocol,
      length,
      ...rest,
      ...new Array<number>(length * 8).fill(0),
    ]);
    return [
      ...u16(0x86dd),
      0x60 | (tclass >> 4),
      (tclass & 15) << 4,
      0,
      0,
      ...u16(headers.length + content.length),
      kinds[0] ?? protocol,
      64,
      ...source,
      ...destination,
      ...headers,
      ...content,
    ];
  });

const arp = bytes(28).map((content) => [...u16(0x0806), ...content]);
const unknown = fc
  .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 80 }).chain(bytes))
  .map(([type, content]) => [...u16(type), ...content]);

const network = fc.oneof(
  { weight: 5, arbitrary: ipv4 },
  { weight: 4, arbitrary: ipv6 },
  { weight: 1, arbitrary: arp },
  { weight: 1, arbitrary: unknown },
);

const tags = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  fc.array(
    fc
      .tuple(fc.constantFrom(0x8100, 0x88a8), fc.integer({ min: 0, max: 0xffff }))
      .map(([type, tci]) => [...u16(type), ...u16(tci)]),
    { minLength: 1, maxLength: 3 },
  ),
);

/** A frame from its Ethernet header on, of 14 bytes at least; one in eight is cut short. */
export const arbitraryPacket: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    network,
    tags,
    fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, fc.integer({ min: 14, max: 90 })),
  )
  .map(([content, vlan, cut]) =>
    Uint8Array.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...vlan.flat(), ...content]).slice(0, cut),
  );
