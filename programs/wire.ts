/**
 * What a packet is on the wire. A GSO packet is sent as segments that each carry the headers again, and counts as those.
 * Where nobody says how long the headers are, it is charged for the longest that may be: a Pod that makes odd packets
 * gains nothing by it.
 */
import {
  max,
  min,
  u32 as narrow,
  type Skb,
  type u32,
  type u64,
  unlikely,
  u64 as wide,
} from '../dsl/lang/index.ts';
import { config } from './config.ts';

/** The most that is charged for the headers of a segment that weren't read: two IP headers, a tunnel's, and TCP's. */
const UNREAD_HEADER_BYTES = 256;

/** The most bytes whose time at the cap fits 64 bits (bucket.ts), hours at any rate: a Pod may ask for segments of a byte each. */
const mostBytes = (): u64 => 0xffff_ffff_ffff_ffffn / max(config.nsPerByte, 1n);

/**
 * Segments of a packet, 1 at least. What a Pod injects through a packet socket or a tap says how large they are but not
 * how many (virtio_net_hdr_to_skb); the kernel counts those itself only behind the hook (SKB_GSO_DODGY).
 */
export function segmentsOf(skb: Skb): u32 {
  const told = skb.gsoSegs;
  const size = skb.gsoSize;
  return told === 0 && size !== 0 ? (skb.len + size - 1) / size : max(told, 1);
}

/**
 * Bytes on the wire. At the hooks of egress `wire_len` says so (qdisc_pkt_len_init), before Linux 6.17 of a tunnel's segments with the
 * outer headers alone, as all qdiscs then count them; elsewhere it is the packet without its Ethernet header. A tag that a device
 * keeps apart (`vlan_tci`) counts nowhere. `headerBytes`: what every segment repeats, 0 where it wasn't read.
 */
export function wireBytes(skb: Skb, headerBytes: u32): u32 {
  const bytes = skb.len;
  if (!unlikely(skb.gsoSize !== 0)) return bytes;
  const told = skb.wireLen;
  const unread = told > bytes ? 0 : UNREAD_HEADER_BYTES;
  const headers = headerBytes === 0 ? unread : headerBytes;
  return narrow(min(wide(max(told, bytes + (segmentsOf(skb) - 1) * headers)), mostBytes()));
}
