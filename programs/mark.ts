/** ECN marking: Congestion Experienced (RFC 3168) in place of a drop. */
import {
  be16,
  u8 as byte,
  type Skb,
  skbStoreBytes,
  stack,
  struct,
  u16,
  type u32,
} from '../dsl/lang/index.ts';
import { config } from './config.ts';
import { ETH_P_IP, ETH_P_IPV6, IPv4, IPv6 } from './headers.ts';
import { ipv4At, ipv6At, type Network } from './parse.ts';

/** Values of the ECN field. */
export const NOT_ECT = 0;
/** RFC 9331: the low-latency codepoint, marked linearly. */
export const ECT_1 = 1;
export const CE = 3;

/** Bytes from the start of an IPv4 header. */
const IPV4_TRAFFIC_CLASS = 1;
const IPV4_CHECKSUM = 10;
/** BPF_F_RECOMPUTE_CSUM: keeps skb->csum right where a device has computed it. */
const RECOMPUTE_CSUM = 1n;

const Byte = struct({ value: byte });
const Word = struct({ value: be16 });

/** The checksum after a header word has grown by `difference` (RFC 1624, equation 3). */
function checksumAfter(checksum: u16, difference: number): u16 {
  const sum = (~checksum & 0xffff) + difference;
  return u16(~((sum & 0xffff) + (sum >>> 16)));
}

/**
 * For packets of which `ecnOf` has said that they may be marked, and so are IP. Writes CE through helpers and not in place: a program
 * with direct packet writes makes the kernel copy the headers of every cloned packet first (bpf_unclone_prologue), marked or not.
 */
export function markCe(skb: Skb, { type, offset }: Network): void {
  if (type === ETH_P_IP) {
    const ip = skb.at(IPv4, offset);
    if (ip === undefined) return;
    const trafficClass = ip.trafficClass;
    const checksum = stack(Word);
    checksum.value = checksumAfter(ip.checksum, CE - (trafficClass & 3));
    const marked = stack(Byte);
    marked.value = byte(trafficClass | CE);
    skbStoreBytes(skb, offset + IPV4_TRAFFIC_CLASS, marked, RECOMPUTE_CSUM);
    skbStoreBytes(skb, offset + IPV4_CHECKSUM, checksum, RECOMPUTE_CSUM);
    return;
  }
  if (config.ipv4Only !== 0) return;
  const ip = skb.at(IPv6, offset);
  if (ip === undefined) return;
  const word = stack(Word);
  word.value = u16(ip.versionAndClass | (CE << 4));
  skbStoreBytes(skb, offset, word, RECOMPUTE_CSUM);
}

/** The ECN field; 0 (not ECT) for packets without an IP header, whatever their EtherType says. */
export function ecnOf(skb: Skb, { type, offset }: Network): u32 {
  if (type === ETH_P_IP) {
    const ip = ipv4At(skb, offset);
    return ip === undefined ? NOT_ECT : ip.trafficClass & 3;
  }
  if (config.ipv4Only !== 0 || type !== ETH_P_IPV6) return NOT_ECT;
  const ip = ipv6At(skb, offset);
  return ip === undefined ? NOT_ECT : (ip.versionAndClass >>> 4) & 3;
}
