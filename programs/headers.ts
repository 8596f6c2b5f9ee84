/** Header layouts and protocol numbers, as far as the parser reads them. */
import { array, be16, be32, be64, packed, struct, u8 } from '../dsl/lang/index.ts';

/** Ethernet II. */
export const Ethernet = struct({ destination: array(u8, 6), source: array(u8, 6), type: be16 });

/** An 802.1Q or 802.1ad tag behind the source address: its control information and the next EtherType. */
export const VlanTag = struct({ control: be16, type: be16 });

/** RFC 791. `fragment` holds three flag bits over a 13-bit offset. */
export const IPv4 = struct({
  versionAndLength: u8,
  trafficClass: u8,
  totalLength: be16,
  identification: be16,
  fragment: be16,
  timeToLive: u8,
  protocol: u8,
  checksum: be16,
  source: be32,
  destination: be32,
});

/** RFC 8200. Addresses as two halves each. */
export const IPv6 = struct({
  versionAndClass: be16,
  flowLabel: be16,
  payloadLength: be16,
  nextHeader: u8,
  hopLimit: u8,
  sourceHigh: be64,
  sourceLow: be64,
  destinationHigh: be64,
  destinationLow: be64,
});

/** The start of every IPv6 extension header that the walk follows (RFC 8200 section 4; AH: RFC 4302). */
export const Extension = struct({ nextHeader: u8, length: u8 });

/** The first four bytes of TCP, UDP, UDP-Lite, SCTP and DCCP: source and destination port; of ESP: the SPI. */
export const Ports = struct({ both: be32 });

/** RFC 4302: the SPI of AH lies behind its length and reserved fields. */
export const Authentication = struct({ nextHeader: u8, length: u8, reserved: be16, spi: be32 });

/** RFC 792 and RFC 4443: echo messages carry an identifier. */
export const Icmp = struct({ type: u8, code: u8, checksum: be16, identifier: be16 });

/** RFC 2890: behind the protocol come, each when its flag is set, checksum and offset (one word), key, sequence. */
export const Gre = struct({ flags: be16, protocol: be16, first: be32 });
export const LongGre = struct({ flags: be16, protocol: be16, first: be32, second: be32 });
/** RFC 1701: routing, too, brings the word of checksum and offset. */
export const GRE_CHECKSUM_OR_ROUTING = 0xc000;
export const GRE_KEY = 0x2000;
/** 0; 1 for PPTP (RFC 2637 section 4.1). */
export const GRE_VERSION = 0x0007;

/** RFC 9293, as far as it is read. */
export const Tcp = struct({
  ports: be32,
  sequence: be32,
  acknowledgement: be32,
  dataOffset: u8,
  flags: u8,
  window: be16,
  checksum: be16,
  urgent: be16,
});

/** What is behind the link layer in most packets: no options of IPv4. */
export const TcpOverIPv4 = packed({ ip: IPv4, tcp: Tcp });

/** What most packets start with. */
export const Plain = packed({ ethernet: Ethernet, network: TcpOverIPv4 });

/** IEEE 802.3: what is smaller is a length, not an EtherType. */
export const ETH_P_802_3_MIN = 0x0600;
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_8021AD = 0x88a8;

export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_DCCP = 33;
export const IPPROTO_ROUTING = 43;
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_GRE = 47;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
/** Nothing follows. */
export const IPPROTO_NONE = 59;
export const IPPROTO_DSTOPTS = 60;
export const IPPROTO_SCTP = 132;
export const IPPROTO_UDPLITE = 136;

/** ICMP types whose messages carry an identifier. */
export const ECHO_REQUEST = 8;
export const ECHO_REPLY = 0;
export const ECHO_REQUEST_V6 = 128;
export const ECHO_REPLY_V6 = 129;

/** ICMPv6 types of neighbour discovery (RFC 4861): router solicitation to redirect. */
export const NEIGHBOUR_DISCOVERY_FIRST = 133;
export const NEIGHBOUR_DISCOVERY_LAST = 137;
