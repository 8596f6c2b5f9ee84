/** ECN marking: Congestion Experienced (RFC 3168) in place of a drop. */
import { be16, u8 as byte, type Skb, skbStoreBytes, stack, struct, type u8, u16 } from '../dsl/lang/index.ts';
import { IPv4, IPv6 } from './headers.ts';

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
 * Writes CE through helpers and not in place: a program with direct packet writes makes the kernel copy the headers of
 * every cloned packet first (bpf_unclone_prologue), marked or not.
 */
export function markCe(skb: Skb, version: number, network: u8): void {
  if (version === 4) {
    const ip = skb.at(IPv4, network);
    if (ip === undefined) return;
    const trafficClass = ip.trafficClass;
    const checksum = stack(Word);
    checksum.value = checksumAfter(ip.checksum, CE - (trafficClass & 3));
    const marked = stack(Byte);
    marked.value = byte(trafficClass | CE);
    skbStoreBytes(skb, network + IPV4_TRAFFIC_CLASS, marked, RECOMPUTE_CSUM);
    skbStoreBytes(skb, network + IPV4_CHECKSUM, checksum, RECOMPUTE_CSUM);
    return;
  }
  const ip = skb.at(IPv6, network);
  if (ip === undefined) return;
  const word = stack(Word);
  word.value = u16(ip.versionAndClass | (CE << 4));
  skbStoreBytes(skb, network, word, RECOMPUTE_CSUM);
}
