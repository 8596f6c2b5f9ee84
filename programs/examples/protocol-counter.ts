/** Counts packets and bytes by IP protocol. Each CPU has counters of its own, which user space adds up. */
import {
  classifier,
  percpuArrayMap,
  type Skb,
  struct,
  TC_ACT_UNSPEC,
  type u32,
  u64,
} from '../../dsl/lang/index.ts';
import { ETH_P_IP, ETH_P_IPV6, Ethernet, IPv4, IPv6 } from '../headers.ts';

/** Packets without an IP header: IANA reserves this protocol number. */
const NOT_IP = 255;

const Counter = struct({ packets: u64, bytes: u64 });

/** By protocol number. */
export const protocols = percpuArrayMap({ value: Counter, maxEntries: 256 });

function protocolOf(skb: Skb): u32 {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined) return NOT_IP;
  if (ethernet.type === ETH_P_IP) {
    const ip = skb.at(IPv4, Ethernet.size);
    return ip === undefined ? NOT_IP : ip.protocol;
  }
  if (ethernet.type === ETH_P_IPV6) {
    const ip = skb.at(IPv6, Ethernet.size);
    return ip === undefined ? NOT_IP : ip.nextHeader;
  }
  return NOT_IP;
}

export const count = classifier((skb) => {
  const counter = protocols.lookup(protocolOf(skb));
  if (counter !== undefined) {
    counter.packets += 1n;
    counter.bytes += u64(skb.len);
  }
  return TC_ACT_UNSPEC;
});
