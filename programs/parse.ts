/**
 * Headers to a flow key. Every packet gets one: what can't be read is keyed by what could be (addresses and
 * protocol, or the EtherType), so nothing escapes the limit by being odd.
 *
 * Only what the key needs is carried on; what marking needs is read again when it is due. That keeps registers free
 * on the way of every packet, and the verifier from following each kind of header through the whole limiter.
 */
import {
  min,
  type Ref,
  range,
  type Skb,
  skbPullData,
  type u8,
  u16,
  u32,
  u64,
  unlikely,
} from '../dsl/lang/index.ts';
import { config } from './config.ts';
import { foldAddresses } from './hash.ts';
import {
  Authentication,
  ETH_P_802_3_MIN,
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  Ethernet,
  Extension,
  GRE_CHECKSUM_OR_ROUTING,
  GRE_KEY,
  GRE_VERSION,
  Gre,
  Icmp,
  IPPROTO_AH,
  IPPROTO_DCCP,
  IPPROTO_DSTOPTS,
  IPPROTO_ESP,
  IPPROTO_FRAGMENT,
  IPPROTO_GRE,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPv4,
  IPv6,
  LongGre,
  NEIGHBOUR_DISCOVERY_FIRST,
  NEIGHBOUR_DISCOVERY_LAST,
  Ports,
  Tcp,
  VlanTag,
} from './headers.ts';

/** Headers are read from the linear part; this much is pulled into it first (two tags, IPv4 with options, TCP). */
const HEADER_BYTES = 102;
/** Extension headers that are followed before the walk gives up. */
const EXTENSION_HEADERS = 6;
/** More-fragments flag and fragment offset of IPv4; the reserved and don't-fragment bits are not. */
const IPV4_FRAGMENT = 0x3fff;

/** What the limiter needs of a packet. */
export interface Packet {
  /** IPv4: source and destination; IPv6: both folded to 64 bits. */
  readonly addresses: u64;
  /** Protocol in the high half; ports, SPI, key or identifier in the low. Without an IP header the EtherType. */
  readonly transport: u64;
  /** Bytes that every segment of a GSO packet repeats: all headers up to the payload; 0 when unknown. */
  readonly headerBytes: u32;
}

/** What tells flows of one protocol between two hosts apart. */
interface Transport {
  readonly id: u32;
  readonly headerBytes: u32;
}

/** The network layer: its EtherType and offset. */
interface Network {
  readonly type: u16;
  readonly offset: u8;
}

/** A key of the link layer alone. Smaller than an EtherType is the length of an IEEE 802.3 frame, which has none. */
const linkOnly = (type: u16): Packet => ({
  addresses: 0n,
  transport: type < ETH_P_802_3_MIN ? 0n : u64(type),
  headerBytes: 0,
});

/** Skips up to two VLAN tags, unless the operator has none. */
export function networkLayer(skb: Skb): Network {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined) return { type: 0, offset: 14 };
  const type = ethernet.type;
  if (config.untagged === 0 && unlikely(type === ETH_P_8021Q || type === ETH_P_8021AD)) {
    const outer = skb.at(VlanTag, 14);
    if (outer === undefined) return { type: 0, offset: 18 };
    if (outer.type !== ETH_P_8021Q) return { type: outer.type, offset: 18 };
    const inner = skb.at(VlanTag, 18);
    return { type: inner === undefined ? 0 : inner.type, offset: 22 };
  }
  return { type, offset: 14 };
}

/** Protocols below 64 whose header starts with two ports, or as good as ports, an SPI: one bit each. */
const WITH_PORTS: u64 = (1n << u64(IPPROTO_UDP)) | (1n << u64(IPPROTO_DCCP)) | (1n << u64(IPPROTO_ESP));

const among = (protocol: u8, set: u64): boolean => protocol < 64 && ((set >> u64(protocol)) & 1n) !== 0n;

const hasPorts = (protocol: u8): boolean =>
  among(protocol, WITH_PORTS) || protocol === IPPROTO_SCTP || protocol === IPPROTO_UDPLITE;

function icmpId(skb: Skb, offset: u16, request: u8, reply: u8): u32 {
  const icmp = skb.at(Icmp, offset & 0x7ff);
  if (icmp === undefined) return 0;
  const type = icmp.type;
  return (u32(type) << 16) | (type === request || type === reply ? icmp.identifier : 0);
}

/** 0 without a key. Of a PPTP packet's only the call identifier: the other half is the packet's length. */
function greKey(skb: Skb, offset: u16): u32 {
  const gre = skb.at(Gre, offset & 0x7ff);
  if (gre === undefined || (gre.flags & GRE_KEY) === 0) return 0;
  if ((gre.flags & GRE_VERSION) === 1) return gre.first & 0xffff;
  if ((gre.flags & GRE_CHECKSUM_OR_ROUTING) === 0) return gre.first;
  const long = skb.at(LongGre, offset & 0x7ff);
  return long === undefined ? 0 : long.second;
}

/** `offset` is where the protocol's header starts; `version` is that of IP, since each has an ICMP of its own. */
function transportOf(skb: Skb, protocol: u8, offset: u16, version: 4 | 6): Transport {
  if (protocol === IPPROTO_TCP) {
    const tcp = skb.at(Tcp, offset & 0x7ff);
    if (tcp !== undefined) return { id: tcp.ports, headerBytes: offset + (tcp.dataOffset >>> 4) * 4 };
  }
  if (protocol === IPPROTO_TCP || hasPorts(protocol)) {
    const ports = skb.at(Ports, offset & 0x7ff);
    return { id: ports === undefined ? 0 : ports.both, headerBytes: offset + 8 };
  }
  if (version === 4 && protocol === IPPROTO_ICMP) return { id: icmpId(skb, offset, 8, 0), headerBytes: 0 };
  if (version === 6 && protocol === IPPROTO_ICMPV6)
    return { id: icmpId(skb, offset, 128, 129), headerBytes: 0 };
  if (protocol === IPPROTO_GRE) return { id: greKey(skb, offset), headerBytes: 0 };
  if (protocol === IPPROTO_AH) {
    const authentication = skb.at(Authentication, offset & 0x7ff);
    return { id: authentication === undefined ? 0 : authentication.spi, headerBytes: 0 };
  }
  return { id: 0, headerBytes: 0 };
}

const transportKey = (protocol: u8, id: u32): u64 => (u64(protocol) << 32n) | u64(id);

function parseIPv4(skb: Skb, ip: Ref<typeof IPv4>, network: u8): Packet {
  const addresses: u64 = (u64(ip.source) << 32n) | u64(ip.destination);
  const protocol = ip.protocol;
  if (unlikely((ip.fragment & IPV4_FRAGMENT) !== 0))
    return { addresses, transport: transportKey(protocol, 0), headerBytes: 0 };
  const { id, headerBytes } = transportOf(skb, protocol, u16(network + (ip.versionAndLength & 15) * 4), 4);
  return { addresses, transport: transportKey(protocol, id), headerBytes };
}

/** Extension headers with a length in units of 8 bytes, below protocol 64: one bit each. */
const EXTENSIONS: u64 =
  (1n << u64(IPPROTO_HOPOPTS)) | (1n << u64(IPPROTO_ROUTING)) | (1n << u64(IPPROTO_DSTOPTS));

/** Follows extension headers to the first protocol that isn't one; a fragment header ends the walk. */
function walkExtensions(
  skb: Skb,
  first: u8,
  start: u16,
): { readonly protocol: u8; readonly offset: u16; readonly fragment: boolean } {
  let protocol: u8 = first;
  let offset: u16 = start;
  for (const _ of range(EXTENSION_HEADERS)) {
    const fragment = protocol === IPPROTO_FRAGMENT;
    if (!fragment && !among(protocol, EXTENSIONS)) break;
    const extension = skb.at(Extension, offset & 0x7ff);
    if (extension === undefined) break;
    protocol = extension.nextHeader;
    if (fragment) return { protocol, offset, fragment: true };
    offset = u16(offset + (extension.length + 1) * 8);
  }
  return { protocol, offset, fragment: false };
}

function parseIPv6(skb: Skb, ip: Ref<typeof IPv6>, network: u8): Packet {
  const addresses = foldAddresses(ip.sourceHigh, ip.sourceLow, ip.destinationHigh, ip.destinationLow);
  const { protocol, offset, fragment } = walkExtensions(skb, ip.nextHeader, u16(network + IPv6.size));
  if (fragment) return { addresses, transport: transportKey(protocol, 0), headerBytes: 0 };
  const { id, headerBytes } = transportOf(skb, protocol, offset, 6);
  return { addresses, transport: transportKey(protocol, id), headerBytes };
}

/** The IPv4 header at `offset`, where there is one. */
export function ipv4At(skb: Skb, offset: u8): Ref<typeof IPv4> | undefined {
  const ip = skb.at(IPv4, offset);
  return ip === undefined || ip.versionAndLength < 0x45 || ip.versionAndLength > 0x4f ? undefined : ip;
}

/** The IPv6 header at `offset`, where there is one. */
export function ipv6At(skb: Skb, offset: u8): Ref<typeof IPv6> | undefined {
  const ip = skb.at(IPv6, offset);
  return ip === undefined || ip.versionAndClass >>> 12 !== 6 ? undefined : ip;
}

/** The flow key of a packet. */
export function parse(skb: Skb): Packet {
  if (unlikely(skb.linearLength < min(skb.len, HEADER_BYTES))) skbPullData(skb, min(skb.len, HEADER_BYTES));
  const { type, offset } = networkLayer(skb);
  if (type === ETH_P_IP) {
    const ip = ipv4At(skb, offset);
    return ip === undefined ? linkOnly(type) : parseIPv4(skb, ip, offset);
  }
  if (config.ipv4Only === 0 && type === ETH_P_IPV6) {
    const ip = ipv6At(skb, offset);
    return ip === undefined ? linkOnly(type) : parseIPv6(skb, ip, offset);
  }
  return linkOnly(type);
}

/** ARP and neighbour discovery: charged, but never delayed or dropped. */
export function isVital({ transport }: Packet): boolean {
  if (transport === u64(ETH_P_ARP)) return true;
  if (config.ipv4Only !== 0) return false;
  const type = u32(transport) >>> 16;
  return (
    transport >> 32n === u64(IPPROTO_ICMPV6) &&
    type >= NEIGHBOUR_DISCOVERY_FIRST &&
    type <= NEIGHBOUR_DISCOVERY_LAST
  );
}

/**
 * Bytes on the wire: a GSO packet is sent as segments that each carry the headers again. `wire_len` would say so at
 * egress only, so it is computed from the segment count at every hook.
 */
export function wireBytes(skb: Skb, packet: Packet): u32 {
  const segments = skb.gsoSegs;
  return segments <= 1 ? skb.len : skb.len + (segments - 1) * packet.headerBytes;
}
