/** IPv4 and IPv6 around a transport header: options, extension headers, fragments, false lengths. */
import type { Transport } from './transports.ts';
import { u16, u32 } from './words.ts';

export interface Network {
  readonly name: string;
  /** EtherType. */
  readonly type: number;
  readonly wrap: (transport: Transport) => readonly number[];
  /** Only where a length is false: the packet with the true one. */
  readonly honest?: (transport: Transport) => readonly number[];
  /** Where its headers end, from its start: the fixed one, then options or each extension header. */
  readonly ends: readonly number[];
  /** Bytes of such an option or extension header that suffice to go on: a dissector wants them all. */
  readonly suffices: number;
}

interface IPv4Options {
  readonly options?: number;
  readonly fragment?: number;
  /** In place of the true total length. */
  readonly totalLength?: number;
}

/** Words are different in each byte; options are no-operations but for the last, their end. */
function ipv4(
  { protocol, bytes }: Transport,
  { options = 0, fragment = 0, totalLength }: IPv4Options,
): number[] {
  const headerLength = 20 + options;
  return [
    0x40 | (headerLength / 4),
    0xba,
    ...u16(totalLength ?? headerLength + bytes.length),
    ...u16(0x0708),
    ...u16(fragment),
    64,
    protocol,
    ...u16(0),
    ...[10, 11, 12, 13],
    ...[20, 21, 22, 23],
    ...new Array<number>(options).fill(1),
    ...bytes,
  ];
}

const four = (name: string, header: IPv4Options): Network => ({
  name: `IPv4${name}`,
  type: 0x0800,
  wrap: (transport) => ipv4(transport, header),
  ends: [20, 20 + (header.options ?? 0)],
  suffices: 0,
  ...(header.totalLength !== undefined && {
    honest: (transport: Transport) => ipv4(transport, { ...header, totalLength: undefined }),
  }),
});

/** An extension header: its number, and its bytes but for the number of the next one. */
interface Extension {
  readonly number: number;
  readonly rest: readonly number[];
}

/** Options as one PadN (RFC 8200 section 4.2), `units` of 8 bytes behind the first. */
const padding = (number: 0 | 60, units = 0): Extension => ({
  number,
  rest: [units, 1, 4 + units * 8, ...new Array<number>(4 + units * 8).fill(0)],
});
/** A type that no one assigned, with no segments left. */
const routing: Extension = { number: 43, rest: [0, 200, 0, 0, 0, 0, 0] };
const fragment = (offset: number, more: 0 | 1): Extension => ({
  number: 44,
  rest: [0, ...u16((offset << 3) | more), ...u32(0x01020304)],
});
/** A Binding Refresh Request (RFC 6275 section 6.1.2). Nothing follows it, whatever it says. */
const mobility: Extension = { number: 135, rest: [0, 0, 0, ...u16(0), ...u16(0)] };

function ipv6(
  { protocol, bytes }: Transport,
  extensions: readonly Extension[],
  payloadLength?: number,
): number[] {
  const numbers = [...extensions.map(({ number }) => number), protocol];
  const headers = extensions.flatMap(({ rest }, index) => [numbers[index + 1] ?? protocol, ...rest]);
  return [
    ...[0x6b, 0xa1, 0x23, 0x45],
    ...u16(payloadLength ?? headers.length + bytes.length),
    numbers[0] ?? protocol,
    64,
    ...[0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    ...[0x20, 0x01, 0x0d, 0xb8, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c],
    ...headers,
    ...bytes,
  ];
}

function endsOf(extensions: readonly Extension[]): readonly number[] {
  let end = 40;
  return [end, ...extensions.map(({ rest }) => (end += 1 + rest.length))];
}

const six = (name: string, extensions: readonly Extension[], payloadLength?: number): Network => ({
  name: `IPv6${name}`,
  type: 0x86dd,
  wrap: (transport) => ipv6(transport, extensions, payloadLength),
  ends: endsOf(extensions),
  // Next header and length.
  suffices: 2,
  ...(payloadLength !== undefined && { honest: (transport: Transport) => ipv6(transport, extensions) }),
});

const options = (count: number): readonly Extension[] => new Array<Extension>(count).fill(padding(60));

export const NETWORKS: readonly Network[] = [
  four('', {}),
  four(', not to be fragmented', { fragment: 0x4000 }),
  four(' with 4 bytes of options', { options: 4 }),
  four(' with 40 bytes of options', { options: 40 }),
  four(', first fragment', { fragment: 0x2000 }),
  four(', middle fragment', { fragment: 0x2010 }),
  four(', last fragment', { fragment: 0x0020 }),
  four(' of total length 20', { totalLength: 20 }),
  four(' of total length 0', { totalLength: 0 }),
  four(' of total length 60000', { totalLength: 60000 }),
  six('', []),
  six(', hop-by-hop', [padding(0)]),
  six(', hop-by-hop of 24 bytes', [padding(0, 2)]),
  six(', routing', [routing]),
  six(', destination options', [padding(60)]),
  six(', mobility', [mobility]),
  six(', hop-by-hop, destination options, routing', [padding(0), padding(60), routing]),
  six(', first fragment', [fragment(0, 1)]),
  six(', middle fragment', [fragment(16, 1)]),
  six(', last fragment', [fragment(16, 0)]),
  six(', atomic fragment', [fragment(0, 0)]),
  six(', hop-by-hop, routing, fragment', [padding(0), routing, fragment(16, 1)]),
  six(', fragment, destination options', [fragment(0, 1), padding(60)]),
  six(', five destination options', options(5)),
  six(', six destination options', options(6)),
  six(', seven destination options', options(7)),
  six(' of payload length 0', [], 0),
  six(' of payload length 60000', [], 60000),
];
