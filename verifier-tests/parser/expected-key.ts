/**
 * From a dissector's fields to the flow key that programs/parse.ts should give. What is decided here is only what a
 * key is made of: two tags at most, six extension headers, no ports of fragments, the outermost IP header.
 */
import type { Dissection } from './tshark.ts';

export type ExpectedKey =
  | { readonly etherType: number }
  | {
      readonly source: string;
      readonly destination: string;
      readonly protocol: number;
      /** The low half of the transport key. */
      readonly id: number;
      readonly ecn: number;
      /** Of TCP's payload; absent where the dissector doesn't say. */
      readonly payloadBytes?: number;
    };

const MOST_TAGS = 2;
const MOST_EXTENSIONS = 6;
/** EtherTypes of tags, with the field that holds the next one. */
const TAGS: Readonly<Record<number, string>> = { 33024: 'vlan.etype', 34984: 'ieee8021ah.etype' };
/** Smaller is the length of an IEEE 802.3 frame. */
const LEAST_ETHER_TYPE = 0x0600;

/** Extension headers of IPv6 that are followed, with the field that says what is next. */
const NEXT: Readonly<Record<number, string>> = {
  0: 'ipv6.hopopts.nxt',
  43: 'ipv6.routing.nxt',
  44: 'ipv6.fraghdr.nxt',
  60: 'ipv6.dstopts.nxt',
};
const FRAGMENT = 44;

/** Fields that hold a transport's ports, or another word that tells its flows apart. */
const PORTS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udp' };
const WORD: Readonly<Record<number, string>> = { 50: 'esp.spi', 51: 'ah.spi' };
const GRE = 47;
const ICMP = 1;
const ICMPV6 = 58;
/** Type, code, checksum and identifier: a key has them together or not at all. */
const ICMP_BYTES = 6;

export const FIELDS: readonly string[] = [
  ...[
    'eth.type',
    ...Object.values(TAGS),
    'ip.version',
    'ip.src',
    'ip.dst',
    'ip.proto',
    'ip.flags.mf',
    'ip.frag_offset',
  ],
  ...['ip.dsfield.ecn', 'ipv6.version', 'ipv6.src', 'ipv6.dst', 'ipv6.nxt', 'ipv6.tclass.ecn'],
  ...Object.values(NEXT),
  ...['tcp', 'udp', 'dccp', 'sctp'].flatMap((name) => [`${name}.srcport`, `${name}.dstport`]),
  ...Object.values(WORD),
  ...[
    'tcp.len',
    'gre.key',
    'gre.key.call_id',
    'icmp.type',
    'icmp.ident',
    'icmpv6.type',
    'icmpv6.echo.identifier',
  ],
];

/** A number of a field: `true` and `True` are 1, hexadecimal as it is. */
function numberOf(dissection: Dissection, field: string, occurrence = 0): number | undefined {
  const value = dissection.get(field)?.[occurrence];
  if (value === undefined) return undefined;
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true' ? 1 : 0;
  return Number(value);
}

function etherTypeOf(dissection: Dissection): number {
  let type = numberOf(dissection, 'eth.type') ?? 0;
  const taken = new Map<number, number>();
  for (let count = 0; count < MOST_TAGS; count += 1) {
    const field = TAGS[type];
    if (field === undefined) break;
    const occurrence = taken.get(type) ?? 0;
    taken.set(type, occurrence + 1);
    type = numberOf(dissection, field, occurrence) ?? 0;
  }
  return type < LEAST_ETHER_TYPE ? 0 : type;
}

const within = (type: number, identifier: number | undefined): number => type * 0x10000 + (identifier ?? 0);

function idOf(dissection: Dissection, protocol: number, version: 4 | 6, transportBytes: number): number {
  const ports = PORTS[protocol];
  if (ports !== undefined) {
    const source = numberOf(dissection, `${ports}.srcport`);
    const destination = numberOf(dissection, `${ports}.dstport`);
    return source === undefined || destination === undefined ? 0 : source * 0x10000 + destination;
  }
  const word = WORD[protocol];
  if (word !== undefined) return numberOf(dissection, word) ?? 0;
  if (protocol === GRE)
    return numberOf(dissection, 'gre.key') ?? numberOf(dissection, 'gre.key.call_id') ?? 0;
  if (transportBytes < ICMP_BYTES) return 0;
  if (version === 4 && protocol === ICMP) {
    const type = numberOf(dissection, 'icmp.type') ?? 0;
    return within(type, type === 8 || type === 0 ? numberOf(dissection, 'icmp.ident') : 0);
  }
  if (version === 6 && protocol === ICMPV6) {
    return within(numberOf(dissection, 'icmpv6.type') ?? 0, numberOf(dissection, 'icmpv6.echo.identifier'));
  }
  return 0;
}

/** Follows the dissected extension headers; `fragment` when one of them is a fragment header. */
function upperLayer(dissection: Dissection): { readonly protocol: number; readonly fragment: boolean } {
  const taken = new Map<number, number>();
  let protocol = numberOf(dissection, 'ipv6.nxt') ?? 0;
  for (let count = 0; count < MOST_EXTENSIONS; count += 1) {
    const field = NEXT[protocol];
    if (field === undefined) break;
    const occurrence = taken.get(protocol) ?? 0;
    const next = numberOf(dissection, field, occurrence);
    if (next === undefined) break;
    if (protocol === FRAGMENT) return { protocol: next, fragment: true };
    taken.set(protocol, occurrence + 1);
    protocol = next;
  }
  return { protocol, fragment: false };
}

const TCP = 6;

/** What follows a TCP header; tshark has no such field for other protocols. */
function payloadOf(dissection: Dissection, protocol: number, fragment: boolean): { payloadBytes?: number } {
  const payloadBytes = protocol === TCP && !fragment ? numberOf(dissection, 'tcp.len') : undefined;
  return payloadBytes === undefined ? {} : { payloadBytes };
}

const first = (dissection: Dissection, field: string): string | undefined => dissection.get(field)?.[0];

/** `transportBytes`: how much of the transport header and its payload the frame has. */
export function expectedKey(dissection: Dissection, transportBytes: number): ExpectedKey {
  const etherType = etherTypeOf(dissection);
  const [source, destination] = [first(dissection, 'ip.src'), first(dissection, 'ip.dst')];
  if (etherType === 0x0800 && numberOf(dissection, 'ip.version') === 4 && source && destination) {
    const protocol = numberOf(dissection, 'ip.proto') ?? 0;
    const fragment =
      numberOf(dissection, 'ip.flags.mf') === 1 || numberOf(dissection, 'ip.frag_offset') !== 0;
    const id = fragment ? 0 : idOf(dissection, protocol, 4, transportBytes);
    const ecn = numberOf(dissection, 'ip.dsfield.ecn') ?? 0;
    return { source, destination, protocol, id, ecn, ...payloadOf(dissection, protocol, fragment) };
  }
  const [source6, destination6] = [first(dissection, 'ipv6.src'), first(dissection, 'ipv6.dst')];
  if (etherType === 0x86dd && numberOf(dissection, 'ipv6.version') === 6 && source6 && destination6) {
    const { protocol, fragment } = upperLayer(dissection);
    const id = fragment ? 0 : idOf(dissection, protocol, 6, transportBytes);
    const ecn = numberOf(dissection, 'ipv6.tclass.ecn') ?? 0;
    const payload = payloadOf(dissection, protocol, fragment);
    return { source: source6, destination: destination6, protocol, id, ecn, ...payload };
  }
  return { etherType };
}
