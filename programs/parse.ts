/**
 * Headers to a flow key. Every packet gets one: what can't be read is keyed by what could be (addresses and
 * protocol, or the EtherType), so nothing escapes the limit by being odd.
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
import { foldAddresses } from './hash.ts';
import {
  Authentication,
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  Ethernet,
  Extension,
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
  IPPROTO_MOBILITY,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPv4,
  IPv6,
  NEIGHBOUR_DISCOVERY_FIRST,
  NEIGHBOUR_DISCOVERY_LAST,
  Ports,
  TcpDataOffset,
  VlanTag,
} from './headers.ts';

/** Headers are read from the linear part; this much is pulled into it first (two tags, IPv4 with options, ports). */
const HEADER_BYTES = 98;
/** Extension headers that are followed before the walk gives up. */
const EXTENSION_HEADERS = 6;
/** More-fragments flag and fragment offset of IPv4; the reserved and don't-fragment bits are not. */
const IPV4_FRAGMENT = 0x3fff;

/** What the limiter needs of a packet. */
export interface Packet {
  /** IPv4: source and destination; IPv6: both folded to 64 bits. */
  readonly addresses: u64;
  /** Protocol in the high half; ports, SPI, key or identifier in the low. */
  readonly transport: u64;
  /** Offset of the IP header, or 0 for packets that have none. */
  readonly network: u8;
  /** 4, 6, or 0 for packets without an IP header. */
  readonly version: u32;
  /** The ECN field (RFC 3168): 0 not ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
  readonly ecn: u32;
  /** ARP and neighbour discovery: charged, but never delayed or dropped. */
  readonly vital: boolean;
  /** Offset of the transport header, for the header bytes of GSO segments; 0 when unknown. */
  readonly transportOffset: u16;
}

/** A key of the link layer alone. */
function linkOnly(type: u16): Packet {
  return {
    addresses: 0n,
    transport: u64(type),
    network: 0,
    version: 0,
    ecn: 0,
    vital: type === ETH_P_ARP,
    transportOffset: 0,
  };
}

/** Skips up to two VLAN tags: the EtherType behind them and the offset of what it announces. */
function linkLayer(skb: Skb): { readonly type: u16; readonly offset: u8 } {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined) return { type: 0, offset: 14 };
  const type = ethernet.type;
  if (unlikely(type === ETH_P_8021Q || type === ETH_P_8021AD)) {
    const outer = skb.at(VlanTag, 14);
    if (outer === undefined) return { type: 0, offset: 18 };
    if (outer.type !== ETH_P_8021Q) return { type: outer.type, offset: 18 };
    const inner = skb.at(VlanTag, 18);
    return { type: inner === undefined ? 0 : inner.type, offset: 22 };
  }
  return { type, offset: 14 };
}

/** Ports, SPI, GRE key or echo identifier: what tells flows of one protocol between two hosts apart. */
function transportId(skb: Skb, protocol: u8, offset: u16): u32 {
  switch (protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
    case IPPROTO_DCCP:
    case IPPROTO_ESP: {
      const ports = skb.at(Ports, offset & 0x7ff);
      return ports === undefined ? 0 : ports.both;
    }
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: {
      const icmp = skb.at(Icmp, offset & 0x7ff);
      if (icmp === undefined) return 0;
      const type = icmp.type;
      const echo = protocol === IPPROTO_ICMP ? type === 0 || type === 8 : type === 128 || type === 129;
      return (u32(type) << 16) | (echo ? icmp.identifier : 0);
    }
    case IPPROTO_GRE: {
      const gre = skb.at(Gre, offset & 0x7ff);
      return gre === undefined || (gre.flags & 0xf000) !== 0x2000 ? 0 : gre.key;
    }
    case IPPROTO_AH: {
      const authentication = skb.at(Authentication, offset & 0x7ff);
      return authentication === undefined ? 0 : authentication.spi;
    }
    default:
      return 0;
  }
}

const transportKey = (protocol: u8, id: u32): u64 => (u64(protocol) << 32n) | u64(id);

function parseIPv4(skb: Skb, ip: Ref<typeof IPv4>, network: u8): Packet {
  const protocol = ip.protocol;
  const offset = u16(network + (ip.versionAndLength & 15) * 4);
  const fragment = (ip.fragment & IPV4_FRAGMENT) !== 0;
  return {
    addresses: (u64(ip.source) << 32n) | u64(ip.destination),
    transport: transportKey(protocol, fragment ? 0 : transportId(skb, protocol, offset)),
    network,
    version: 4,
    ecn: ip.trafficClass & 3,
    vital: false,
    transportOffset: fragment ? 0 : offset,
  };
}

/** Follows extension headers to the first protocol that isn't one; a fragment header ends the walk. */
function walkExtensions(
  skb: Skb,
  first: u8,
  start: u16,
): { readonly protocol: u8; readonly offset: u16; readonly fragment: boolean } {
  let protocol: u8 = first;
  let offset: u16 = start;
  let fragment = false;
  for (const _ of range(EXTENSION_HEADERS)) {
    if (
      protocol !== IPPROTO_HOPOPTS &&
      protocol !== IPPROTO_ROUTING &&
      protocol !== IPPROTO_DSTOPTS &&
      protocol !== IPPROTO_MOBILITY &&
      protocol !== IPPROTO_FRAGMENT
    )
      break;
    const extension = skb.at(Extension, offset & 0x7ff);
    if (extension === undefined) break;
    if (protocol === IPPROTO_FRAGMENT) {
      protocol = extension.nextHeader;
      fragment = true;
      break;
    }
    offset = u16(offset + (extension.length + 1) * 8);
    protocol = extension.nextHeader;
  }
  return { protocol, offset, fragment };
}

function parseIPv6(skb: Skb, ip: Ref<typeof IPv6>, network: u8): Packet {
  const { protocol, offset, fragment } = walkExtensions(skb, ip.nextHeader, u16(network + IPv6.size));
  const id = fragment ? 0 : transportId(skb, protocol, offset);
  const type = id >>> 16;
  return {
    addresses: foldAddresses(ip.sourceHigh, ip.sourceLow, ip.destinationHigh, ip.destinationLow),
    transport: transportKey(protocol, id),
    network,
    version: 6,
    ecn: (ip.versionAndClass >>> 4) & 3,
    vital:
      protocol === IPPROTO_ICMPV6 &&
      !fragment &&
      type >= NEIGHBOUR_DISCOVERY_FIRST &&
      type <= NEIGHBOUR_DISCOVERY_LAST,
    transportOffset: fragment ? 0 : offset,
  };
}

/** The flow key of a packet and where its headers lie. */
export function parse(skb: Skb): Packet {
  if (unlikely(skb.linearLength < min(skb.len, HEADER_BYTES))) skbPullData(skb, min(skb.len, HEADER_BYTES));
  const { type, offset } = linkLayer(skb);
  if (type === ETH_P_IP) {
    const ip = skb.at(IPv4, offset);
    if (ip === undefined || ip.versionAndLength < 0x45 || ip.versionAndLength > 0x4f) return linkOnly(type);
    return parseIPv4(skb, ip, offset);
  }
  if (type === ETH_P_IPV6) {
    const ip = skb.at(IPv6, offset);
    if (ip === undefined || ip.versionAndClass >>> 12 !== 6) return linkOnly(type);
    return parseIPv6(skb, ip, offset);
  }
  return linkOnly(type);
}

/**
 * Bytes on the wire: a GSO packet is sent as segments that each carry the headers again. `wire_len` would say so at
 * egress only, so it is computed from the segment count at every hook.
 */
export function wireBytes(skb: Skb, packet: Packet): u32 {
  const segments = skb.gsoSegs;
  if (segments <= 1 || packet.transportOffset === 0) return skb.len;
  const protocol = u32(packet.transport >> 32n);
  let headers: u32 = packet.transportOffset + 8;
  if (protocol === IPPROTO_TCP) {
    const tcp = skb.at(TcpDataOffset, packet.transportOffset & 0x7ff);
    headers = packet.transportOffset + (tcp === undefined ? 20 : (tcp.dataOffset >>> 4) * 4);
  }
  return skb.len + (segments - 1) * headers;
}
