/**
 * For a packet socket that reads from the network header on (`socket(AF_PACKET, SOCK_DGRAM, ETH_P_ALL)`): keeps the
 * headers of TCP's connection requests and nothing else. Attach it with `setsockopt(SO_ATTACH_BPF)`.
 */
import { atomic, global, type SocketSkb, socketFilter, struct, type u32, u64 } from '../../dsl/lang/index.ts';
import { ETH_P_IP, ETH_P_IPV6, IPPROTO_TCP, IPv4, IPv6, Tcp } from '../headers.ts';

/** RFC 9293: a request to connect has SYN and not ACK. */
const SYN = 0x02;
const ACK = 0x10;
/** The fragment offset of IPv4: only the first fragment has the TCP header. */
const FRAGMENT_OFFSET = 0x1fff;

export const state = global(struct({ requests: u64 }));

/** Where the TCP header starts, or 0 where there is none. */
function transportOf(skb: SocketSkb): u32 {
  if (skb.protocol === ETH_P_IP) {
    const ip = skb.load(IPv4, 0);
    if (ip === undefined || ip.protocol !== IPPROTO_TCP || (ip.fragment & FRAGMENT_OFFSET) !== 0) return 0;
    return (ip.versionAndLength & 15) * 4;
  }
  if (skb.protocol !== ETH_P_IPV6) return 0;
  const ip = skb.load(IPv6, 0);
  return ip?.nextHeader === IPPROTO_TCP ? IPv6.size : 0;
}

export const requests = socketFilter((skb) => {
  const offset = transportOf(skb);
  if (offset === 0) return 0;
  const tcp = skb.load(Tcp, offset);
  if (tcp === undefined || (tcp.flags & (SYN | ACK)) !== SYN) return 0;
  atomic.add(state, 'requests', 1n);
  return offset + Tcp.size;
});
