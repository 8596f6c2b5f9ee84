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
  u8,
  u16,
  u32,
  u64,
  unlikely,
} from '../dsl/lang/index.ts';
import { config } from './config.ts';
import { forget, forget32 } from './forget.ts';
import { foldAddresses } from './hash.ts';
import {
  Authentication,
  ECHO_REPLY,
  ECHO_REPLY_V6,
  ECHO_REQUEST,
  ECHO_REQUEST_V6,
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
  IPPROTO_NONE,
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
  Plain,
  Ports,
  Tcp,
  TcpOverIPv4,
  VlanTag,
} from './headers.ts';
import { wireBytes } from './wire.ts';

/** Headers are read from the linear part; where that is too short, this much is pulled in (two tags, IPv4 with options, TCP). */
const HEADER_BYTES = 102;
/** Extension headers that are followed before the walk gives up. */
const EXTENSION_HEADERS = 6;
/** Offsets of headers: behind two tags, IPv6's header and as many extension headers of 2,048 bytes, with room to spare. */
const HEADER_OFFSETS = 0x3fff;
/** More-fragments flag and fragment offset of IPv4; the reserved and don't-fragment bits are not. */
const IPV4_FRAGMENT = 0x3fff;

/** RFC 9260 section 3.1: the common header. */
const SCTP_HEADER_BYTES = 12;

/** What is read of a packet's headers. */
interface Headers {
  /** IPv4: source and destination; IPv6: both folded to 64 bits. */
  readonly addresses: u64;
  /** Protocol in the high half; ports, SPI, key or identifier in the low. Without an IP header the EtherType. */
  readonly transport: u64;
  /** Bytes that every segment of a GSO packet repeats: all headers up to the payload; 0 where they weren't read. */
  readonly headerBytes: u32;
}

/** What the limiter needs of a packet. */
export interface Packet extends Headers {
  readonly wireBytes: u32;
}

/** What tells flows of one protocol between two hosts apart. */
interface Transport {
  readonly id: u32;
  readonly headerBytes: u32;
}

/** The network layer: its EtherType and offset. */
export interface Network {
  readonly type: u16;
  readonly offset: u8;
}

/** A key of the link layer alone. Smaller than an EtherType is the length of an IEEE 802.3 frame, which has none. */
const linkOnly = (type: u16): Headers => ({
  addresses: forget(0n),
  transport: forget(type < ETH_P_802_3_MIN ? 0n : u64(type)),
  headerBytes: 0,
});

/**
 * Pulls headers into the linear part unless they are there, up to `bytes`. Only then: what TCP sends has its headers there
 * and all else outside, and is a clone, of which the head would be copied (skb_ensure_writable).
 */
function reach(skb: Skb, bytes: u32): void {
  const linear = skb.linearLength;
  if (unlikely(linear < bytes) && linear < skb.len) skbPullData(skb, min(skb.len, HEADER_BYTES));
}

/** Behind tags the offset is anything up to this, as far as the verifier knows, so that it follows them as one way. */
const OFFSET_MASK = 31;

/** Skips up to two VLAN tags, unless the operator has none. */
export function networkLayer(skb: Skb): Network {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined) return { type: 0, offset: 14 };
  const type = ethernet.type;
  if (config.untagged === 0 && unlikely(type === ETH_P_8021Q || type === ETH_P_8021AD)) {
    const outer = skb.at(VlanTag, 14);
    if (outer === undefined) return { type: 0, offset: 18 };
    // Whether it is neither, asked at once: the verifier would follow each answer through all that comes after.
    if ((outer.type ^ ETH_P_8021Q) * (outer.type ^ ETH_P_8021AD) !== 0)
      return { type: outer.type, offset: u8(forget32(18) & OFFSET_MASK) };
    const inner = skb.at(VlanTag, 18);
    if (inner === undefined) return { type: 0, offset: 22 };
    return { type: inner.type, offset: u8(forget32(22) & OFFSET_MASK) };
  }
  return { type, offset: 14 };
}

/** Protocols below 64 whose header starts with two ports, or as good as ports, an SPI: one bit each. */
const WITH_PORTS: u64 =
  (1n << u64(IPPROTO_TCP)) | (1n << u64(IPPROTO_UDP)) | (1n << u64(IPPROTO_DCCP)) | (1n << u64(IPPROTO_ESP));

/** Whether a protocol below 64 is in a set. */
const among = (protocol: u8, set: u64): boolean => ((set >> u64(protocol)) & 1n) !== 0n;

/** `icmp` is the protocol number of the IP version's own ICMP. Its messages are told by arithmetic; see transportOf. */
function icmpId(skb: Skb, offset: u16, icmp: u8): u32 {
  const header = skb.at(Icmp, offset & HEADER_OFFSETS);
  if (header === undefined) return 0;
  const type = header.type;
  const six = icmp >>> 5;
  const request = ECHO_REQUEST + six * (ECHO_REQUEST_V6 - ECHO_REQUEST);
  const reply = ECHO_REPLY + six * (ECHO_REPLY_V6 - ECHO_REPLY);
  return (u32(type) << 16) | (type === request || type === reply ? header.identifier : 0);
}

/** 0 without a key. Of a PPTP packet's only the call identifier: the other half is the packet's length. */
function greKey(skb: Skb, offset: u16): u32 {
  const gre = skb.at(Gre, offset & HEADER_OFFSETS);
  if (gre === undefined || (gre.flags & GRE_KEY) === 0) return 0;
  if ((gre.flags & GRE_VERSION) === 1) return gre.first & 0xffff;
  if ((gre.flags & GRE_CHECKSUM_OR_ROUTING) === 0) return gre.first;
  const long = skb.at(LongGre, offset & HEADER_OFFSETS);
  return long === undefined ? 0 : long.second;
}

/**
 * `offset` is where the protocol's header starts. Nothing here asks by a branch which IP it is, `icmp` being the number of
 * its ICMP: the verifier would follow either through all that comes after.
 */
function transportOf(skb: Skb, protocol: u8, offset: u16, icmp: u8): Transport {
  if (protocol === IPPROTO_TCP) {
    const tcp = skb.at(Tcp, offset & HEADER_OFFSETS);
    if (tcp !== undefined) return { id: tcp.ports, headerBytes: offset + (tcp.dataOffset >>> 4) * 4 };
  }
  const low = protocol < 64;
  if (low ? among(protocol, WITH_PORTS) : protocol === IPPROTO_SCTP || protocol === IPPROTO_UDPLITE) {
    const ports = skb.at(Ports, offset & HEADER_OFFSETS);
    const id = ports === undefined ? 0 : ports.both;
    // Behind UDP and ESP there may be a tunnel, whose headers every segment repeats as well.
    return { id, headerBytes: protocol === IPPROTO_SCTP ? offset + SCTP_HEADER_BYTES : 0 };
  }
  if (!low) return { id: 0, headerBytes: 0 };
  if (protocol === icmp) return { id: icmpId(skb, offset, icmp), headerBytes: 0 };
  if (protocol === IPPROTO_GRE) return { id: greKey(skb, offset), headerBytes: 0 };
  if (protocol === IPPROTO_AH) {
    const authentication = skb.at(Authentication, offset & HEADER_OFFSETS);
    return { id: authentication === undefined ? 0 : authentication.spi, headerBytes: 0 };
  }
  return { id: 0, headerBytes: 0 };
}

/** The protocol's half of the key, made before anything asks for the protocol: each answer is a way of its own. */
const protocolKey = (protocol: u8): u64 => forget(u64(protocol)) << 32n;

/** Extension headers with a length in units of 8 bytes, below protocol 64: one bit each. */
const EXTENSIONS: u64 =
  (1n << u64(IPPROTO_HOPOPTS)) | (1n << u64(IPPROTO_ROUTING)) | (1n << u64(IPPROTO_DSTOPTS));

const isExtension = (protocol: u8): boolean =>
  protocol === IPPROTO_FRAGMENT || (protocol < 64 && among(protocol, EXTENSIONS));

/** Where a walk over extension headers ended. */
interface Walked {
  /** Of the flow key. */
  readonly protocol: u8;
  /** The same, unless none of its header can be read, as in a fragment. */
  readonly readable: u8;
  readonly offset: u16;
}

/** Follows extension headers to the first protocol that isn't one; a fragment header ends the walk. */
function walkExtensions(skb: Skb, first: u8, start: u16): Walked {
  let protocol: u8 = first;
  let offset: u16 = start;
  for (const _ of range(EXTENSION_HEADERS)) {
    if (!isExtension(protocol)) break;
    const fragment = protocol === IPPROTO_FRAGMENT;
    const extension = skb.at(Extension, offset & HEADER_OFFSETS);
    if (extension === undefined) break;
    protocol = extension.nextHeader;
    if (fragment) return { protocol, readable: IPPROTO_NONE, offset };
    offset = u16(forget32(offset + (extension.length + 1) * 8));
  }
  return { protocol, readable: protocol, offset };
}

/** The first byte of an IPv4 header without options. */
const PLAIN_IPV4 = 0x45;

/** The IPv4 header at `offset`, where there is one. */
export function ipv4At(skb: Skb, offset: u8): Ref<typeof IPv4> | undefined {
  const ip = skb.at(IPv4, offset);
  return ip === undefined || ip.versionAndLength < PLAIN_IPV4 || ip.versionAndLength > 0x4f ? undefined : ip;
}

/** The IPv6 header at `offset`, where there is one. */
export function ipv6At(skb: Skb, offset: u8): Ref<typeof IPv6> | undefined {
  const ip = skb.at(IPv6, offset);
  return ip === undefined || ip.versionAndClass >>> 12 !== 6 ? undefined : ip;
}

/** Whether it is what it seems. */
const isPlain = ({ ip }: Ref<typeof TcpOverIPv4>): boolean =>
  !unlikely(ip.versionAndLength !== PLAIN_IPV4) &&
  !unlikely(ip.protocol !== IPPROTO_TCP) &&
  !unlikely((ip.fragment & IPV4_FRAGMENT) !== 0);

/** The headers of a plain packet, of which IPv4's is at `offset`. */
const plainHeaders = ({ ip, tcp }: Ref<typeof TcpOverIPv4>, offset: u32): Headers => ({
  addresses: (u64(ip.source) << 32n) | u64(ip.destination),
  transport: (u64(IPPROTO_TCP) << 32n) | u64(tcp.ports),
  headerBytes: offset + IPv4.size + (tcp.dataOffset >>> 4) * 4,
});

/** Reads a packet's headers. */
export function parse(skb: Skb): Packet {
  const plain = skb.at(Plain, 0);
  // One test of bounds, and none of what is in others: nearly all packets are such. The sum of the headers' lengths is for GSO packets.
  if (plain !== undefined && !unlikely(plain.ethernet.type !== ETH_P_IP) && isPlain(plain.network)) {
    const { addresses, transport, headerBytes } = plainHeaders(plain.network, Ethernet.size);
    return { addresses, transport, headerBytes, wireBytes: wireBytes(skb, headerBytes) };
  }
  const { addresses, transport, headerBytes } = parseAny(skb);
  return { addresses, transport, headerBytes, wireBytes: wireBytes(skb, headerBytes) };
}

/** The same of any packet. */
function parseAny(skb: Skb): Headers {
  reach(skb, Plain.size);
  const network = networkLayer(skb);
  const type = network.type;
  let addresses: u64;
  let protocol: u8;
  let key: u64;
  let offset: u16;
  let icmp: u8 = IPPROTO_ICMP;
  if (type === ETH_P_IP) {
    if (unlikely(network.offset !== Ethernet.size)) {
      const tagged = skb.at(TcpOverIPv4, network.offset);
      if (tagged !== undefined && isPlain(tagged)) return plainHeaders(tagged, network.offset);
    }
    let ip = skb.at(IPv4, network.offset);
    if (
      ip !== undefined &&
      (unlikely(ip.versionAndLength !== PLAIN_IPV4) || unlikely(network.offset !== Ethernet.size))
    ) {
      reach(skb, HEADER_BYTES);
      ip = ipv4At(skb, network.offset);
    }
    if (ip === undefined) return linkOnly(type);
    addresses = (u64(ip.source) << 32n) | u64(ip.destination);
    protocol = ip.protocol;
    key = protocolKey(protocol);
    if (unlikely((ip.fragment & IPV4_FRAGMENT) !== 0)) return { addresses, transport: key, headerBytes: 0 };
    offset = u16(forget32(network.offset + (ip.versionAndLength & 15) * 4));
  } else if (config.ipv4Only === 0 && type === ETH_P_IPV6) {
    reach(skb, network.offset + IPv6.size + Tcp.size);
    let ip = ipv6At(skb, network.offset);
    if (ip !== undefined && unlikely(isExtension(ip.nextHeader))) {
      reach(skb, HEADER_BYTES);
      ip = ipv6At(skb, network.offset);
    }
    if (ip === undefined) return linkOnly(type);
    addresses = foldAddresses(ip.sourceHigh, ip.sourceLow, ip.destinationHigh, ip.destinationLow);
    const walked = walkExtensions(skb, ip.nextHeader, u16(network.offset + IPv6.size));
    protocol = u8(forget32(walked.readable) & 0xff);
    key = protocolKey(walked.protocol);
    offset = u16(forget32(walked.offset));
    icmp = IPPROTO_ICMPV6;
  } else {
    return linkOnly(type);
  }
  const { id, headerBytes } = transportOf(skb, protocol, offset, icmp);
  return { addresses, transport: key | u64(id), headerBytes };
}

/** ARP and neighbour discovery: charged, never delayed, and dropped only beyond a horizon of their own. */
export function isVital(packet: Packet): boolean {
  const transport = forget(packet.transport);
  if (transport === u64(ETH_P_ARP)) return true;
  if (config.ipv4Only !== 0) return false;
  const type = u32(transport) >>> 16;
  return (
    transport >> 32n === u64(IPPROTO_ICMPV6) &&
    type >= NEIGHBOUR_DISCOVERY_FIRST &&
    type <= NEIGHBOUR_DISCOVERY_LAST
  );
}
