/**
 * The helpers on packets, as net/core/filter.c has them. Each gives what the kernel's gives: 0, a value, or a
 * negative errno, and the same packet afterwards.
 */
import { csumFold, csumReplace2, csumReplace4, csumUnfoldNegated, onesComplementAdd32 } from './checksum.ts';
import { ERRNO } from './errno.ts';
import { ETHERNET_HEADER, SKB_CLOCK, type Skb } from './skb.ts';

const INT_MAX = 0x7fffffff;
const F_RECOMPUTE_CSUM = 1n;
const F_INVALIDATE_HASH = 2n;
const F_HDR_FIELD_MASK = 0xfn;

export const ETH_P = { ip: 0x0800, ipv6: 0x86dd, vlan: 0x8100, vlanAd: 0x88a8 } as const;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const VLAN_HEADER = 4;
/** VLAN_MAX_DEPTH, include/linux/if_vlan.h. */
const VLAN_MAX_DEPTH = 8;
const ECN_MASK = 3;

/** bpf_skb_load_bytes: fills `to` from anywhere in the packet; on -EFAULT `to` is zero. */
export function skbLoadBytes(skb: Skb, offset: number, to: Uint8Array): number {
  if (offset > INT_MAX || offset > skb.len - to.length) {
    to.fill(0);
    return -ERRNO.EFAULT;
  }
  to.set(skb.data.subarray(offset, offset + to.length));
  return 0;
}

/** BPF_HDR_START_MAC and BPF_HDR_START_NET: which header an offset counts from. */
const HEADER = { mac: 0, net: 1 } as const;

/** bpf_skb_load_bytes_relative: within the linear part; on -EFAULT `to` is zero. */
export function skbLoadBytesRelative(skb: Skb, offset: number, to: Uint8Array, header: number): number {
  const linear = skb.data.subarray(0, skb.linearLength);
  const whole = Uint8Array.from([...skb.linkHeader, ...linear]);
  const start = header === HEADER.net ? skb.linkHeader.length + skb.networkOffset : 0;
  const known = header === HEADER.net || header === HEADER.mac;
  if (!known || offset > 0xffff || start + offset + to.length > whole.length) {
    to.fill(0);
    return -ERRNO.EFAULT;
  }
  to.set(whole.subarray(start + offset, start + offset + to.length));
  return 0;
}

/** bpf_skb_store_bytes. A packet of this model has no skb->csum that BPF_F_RECOMPUTE_CSUM could keep. */
export function skbStoreBytes(skb: Skb, offset: number, from: Uint8Array, flags: bigint): number {
  if ((flags & ~(F_RECOMPUTE_CSUM | F_INVALIDATE_HASH)) !== 0n) return -ERRNO.EINVAL;
  if (offset > INT_MAX) return -ERRNO.EFAULT;
  if (skb.ensureWritable(offset + from.length) !== 0) return -ERRNO.EFAULT;
  skb.data.set(from, offset);
  if ((flags & F_INVALIDATE_HASH) !== 0n) skb.hash = 0;
  return 0;
}

/** bpf_skb_pull_data: 0, or -ENOMEM where the packet is shorter than `length`. */
export function skbPullData(skb: Skb, length: number): number {
  return skb.ensureWritable(length === 0 ? skb.linearLength : length);
}

/** bpf_l3_csum_replace. `from` and `to` are values as they lie in memory, loaded in the host's order. */
export function l3CsumReplace(skb: Skb, offset: number, from: bigint, to: bigint, flags: bigint): number {
  if ((flags & ~F_HDR_FIELD_MASK) !== 0n) return -ERRNO.EINVAL;
  if (offset > 0xffff || (offset & 1) !== 0) return -ERRNO.EFAULT;
  if (skb.ensureWritable(offset + 2) !== 0) return -ERRNO.EFAULT;
  const view = viewOf(skb);
  const sum = view.getUint16(offset, true);
  switch (flags & F_HDR_FIELD_MASK) {
    case 0n:
      if (from !== 0n) return -ERRNO.EINVAL;
      view.setUint16(offset, csumFold(onesComplementAdd32(low32(to), csumUnfoldNegated(sum))), true);
      return 0;
    case 2n:
      view.setUint16(offset, csumReplace2(sum, low32(from) & 0xffff, low32(to) & 0xffff), true);
      return 0;
    case 4n:
      view.setUint16(offset, csumReplace4(sum, low32(from), low32(to)), true);
      return 0;
    default:
      return -ERRNO.EINVAL;
  }
}

/**
 * bpf_skb_ecn_set_ce: 1 when the packet is CE afterwards, 0 when it isn't ECT or not IP. Tags inside the packet
 * are skipped to find the protocol, but the header is taken to be at the network header, which a test run leaves
 * before the tags.
 */
export function skbEcnSetCe(skb: Skb): number {
  const protocol = innerProtocol(skb);
  if (protocol !== ETH_P.ip && protocol !== ETH_P.ipv6) return 0;
  const length = protocol === ETH_P.ip ? IPV4_HEADER : IPV6_HEADER;
  const at = skb.networkOffset;
  if (at + length > skb.linearLength) return 0;
  return protocol === ETH_P.ip ? setCeIpv4(viewOf(skb), at) : setCeIpv6(viewOf(skb), at);
}

/** IP_ECN_set_ce, include/net/inet_ecn.h. */
function setCeIpv4(view: DataView, at: number): number {
  const tos = view.getUint8(at + 1);
  const ecn = (tos + 1) & ECN_MASK;
  if ((ecn & 2) === 0) return ecn === 0 ? 1 : 0;
  const sum = view.getUint16(at + 10) + ((0xfffb + ecn) & 0xffff);
  view.setUint16(at + 10, (sum & 0xffff) + (sum >> 16));
  view.setUint8(at + 1, tos | ECN_MASK);
  return 1;
}

/** IP6_ECN_set_ce, include/net/inet_ecn.h: the traffic class straddles the first two bytes. */
function setCeIpv6(view: DataView, at: number): number {
  const second = view.getUint8(at + 1);
  if (((second >> 4) & ECN_MASK) === 0) return 0;
  view.setUint8(at + 1, second | (ECN_MASK << 4));
  return 1;
}

/** skb_protocol(skb, true), include/linux/if_vlan.h. */
function innerProtocol(skb: Skb): number {
  let protocol = skb.protocol;
  let offset = ETHERNET_HEADER;
  let depth = VLAN_MAX_DEPTH;
  while (protocol === ETH_P.vlan || protocol === ETH_P.vlanAd) {
    if (offset + VLAN_HEADER > skb.len || --depth === 0) return 0;
    protocol = viewOf(skb).getUint16(offset + 2);
    offset += VLAN_HEADER;
  }
  return protocol;
}

/** bpf_skb_set_tstamp: for IP packets only (-EOPNOTSUPP); a delivery time must not be 0 (-EINVAL). */
export function skbSetTstamp(skb: Skb, tstamp: bigint, type: number): number {
  if (skb.protocol !== ETH_P.ip && skb.protocol !== ETH_P.ipv6) return -ERRNO.EOPNOTSUPP;
  const delivery = type === SKB_CLOCK.monotonic || type === SKB_CLOCK.tai;
  if (!delivery && type !== SKB_CLOCK.realtime) return -ERRNO.EINVAL;
  if (delivery && tstamp === 0n) return -ERRNO.EINVAL;
  skb.tstamp = tstamp;
  skb.tstampType = type;
  return 0;
}

function viewOf(skb: Skb): DataView {
  return new DataView(skb.data.buffer, skb.data.byteOffset, skb.data.length);
}

function low32(value: bigint): number {
  return Number(BigInt.asUintN(32, value));
}
