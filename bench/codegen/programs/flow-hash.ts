/** Marks a packet with a hash of its addresses and ports: multiplications, shifts and a modulo. */
import { classifier, TC_ACT_UNSPEC, u32, u64 } from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPv4, Ports } from '../../../programs/headers.ts';

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, 14);
  if (ip === undefined) return TC_ACT_UNSPEC;
  const ports = skb.at(Ports, 34);
  if (ports === undefined) return TC_ACT_UNSPEC;
  let h = ((u64(ip.source) << 32n) | u64(ip.destination)) * 0xbf58476d1ce4e5b9n;
  h = ((h ^ (h >> 32n)) + u64(ports.both)) * 0x94d049bb133111ebn;
  h = (h ^ (h >> 29n)) * 0xff51afd7ed558ccdn;
  skb.mark = u32(h ^ (h >> 32n)) % 1000;
  return TC_ACT_UNSPEC;
});
