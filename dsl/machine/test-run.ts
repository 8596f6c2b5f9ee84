/**
 * BPF_PROG_TEST_RUN of a packet (net/bpf/test_run.c): what the kernel takes in, which packets it refuses, and what it
 * gives back. Measured on Linux 6.18.
 */
import type { ProgramKind } from '../object/image.ts';
import { CONTEXTS } from './contexts.ts';
import type { Packet } from './packet.ts';
import { ETHERNET_HEADER, Skb } from './skb.ts';
import { ETH_P } from './skb-helpers.ts';
import { LARGEST_XDP_PACKET, XdpBuff } from './xdp.ts';

/** A page less the headroom (NET_SKB_PAD) and struct skb_shared_info, on x86-64. */
const LARGEST_PACKET = 3712;
/** GSO_LEGACY_MAX_SIZE. */
const LARGEST_WIRE_LENGTH = 65536;
/** GSO_MAX_SEGS. */
const MOST_SEGMENTS = 65535;

/** Fields that ctx_in may set; the kernel refuses a context with any other. */
const SETTABLE: ReadonlySet<string> = new Set([
  'mark',
  'priority',
  'ingressIfindex',
  'ifindex',
  'tstamp',
  'wireLen',
  'gsoSegs',
  'gsoSize',
]);
/** Fields that the kernel fills in itself, from the packet. */
const DERIVED: ReadonlySet<string> = new Set([
  'len',
  'protocol',
  'packetType',
  'family',
  'localIp4',
  'remoteIp4',
]);
/** ctx_in has every field of the struct, whatever the program may read of it. */
const SKB_TABLE = CONTEXTS.classifier;

/** The packet of a frame as programs of this kind see it. Throws for a frame that no packet of the kind can be. */
export function packetFor(
  kind: ProgramKind,
  frame: Uint8Array,
  options: ConstructorParameters<typeof Skb>[1] = {},
): Packet {
  const table = CONTEXTS[kind];
  if (table.struct === 'xdp_md') return new XdpBuff(frame);
  return table.layer === 'link' ? new Skb(frame, options) : Skb.behindLinkHeader(frame, options);
}

/** Why the kernel would refuse to run a program of this kind on this packet, or `undefined`. */
export function testRunRefusal(packet: Packet, kind: ProgramKind = 'classifier'): string | undefined {
  if (packet instanceof Skb) return skbRefusal(packet, kind);
  if (kind === 'xdpDevmap') return 'the programs of a device map have no test run';
  if (packet.data.length < ETHERNET_HEADER) return 'the packet is shorter than an Ethernet header';
  if (packet.data.length > LARGEST_XDP_PACKET) return `the packet is longer than ${LARGEST_XDP_PACKET} bytes`;
  return packet.get('ingressIfindex') === 1n && packet.get('rxQueueIndex') === 0n
    ? undefined
    : 'the packet comes from another queue than the first of the loopback device';
}

function skbRefusal(skb: Skb, kind: ProgramKind): string | undefined {
  const frame = skb.linkHeader.length + skb.len;
  if (frame < ETHERNET_HEADER) return 'the packet is shorter than an Ethernet header';
  if (frame > LARGEST_PACKET) return `the packet is longer than ${LARGEST_PACKET} bytes`;
  if (skb.linearLength !== skb.len) return 'the packet is not linear';
  const payload = frame - ETHERNET_HEADER;
  if (skb.protocol === ETH_P.ip && payload < 20) return 'the packet is shorter than its IPv4 header';
  if (skb.protocol === ETH_P.ipv6 && payload < 40) return 'the packet is shorter than its IPv6 header';
  if (skb.wireLen < skb.len || skb.wireLen > LARGEST_WIRE_LENGTH) {
    return `wireLen is not between the packet's length and ${LARGEST_WIRE_LENGTH}`;
  }
  if (skb.gsoSegs > MOST_SEGMENTS) return `gsoSegs is more than ${MOST_SEGMENTS}`;
  const unsettable = CONTEXTS[kind].fields.find(
    ({ name }) => !SETTABLE.has(name) && !DERIVED.has(name) && skb.get(name) !== 0n,
  );
  return unsettable && `a test run can't set ${unsettable.name}`;
}

/**
 * The packet's fields as ctx_in. Always pass one for an skb: without it the kernel leaves wire_len 0, with it wire_len
 * is the packet's length unless set. An XDP packet needs none.
 */
export function testRunContext(packet: Skb): Uint8Array;
export function testRunContext(packet: Packet): Uint8Array | undefined;
export function testRunContext(packet: Packet): Uint8Array | undefined {
  if (!(packet instanceof Skb)) return undefined;
  const context = new Uint8Array(SKB_TABLE.size);
  const view = new DataView(context.buffer);
  for (const field of SKB_TABLE.fields) {
    if (!SETTABLE.has(field.name)) continue;
    if (field.size === 8) view.setBigUint64(field.offset, packet.get(field.name), true);
    else view.setUint32(field.offset, Number(packet.get(field.name)), true);
  }
  return context;
}

/**
 * The bytes that a test run gives back. Where the program saw the packet from its network header on, the kernel puts a
 * link-layer header of zeros before it.
 */
export function testRunBytes(packet: Packet): Uint8Array {
  const before = packet instanceof Skb ? packet.linkHeader.length : 0;
  const bytes = new Uint8Array(before + packet.data.length);
  bytes.set(packet.data, before);
  return bytes;
}
