/** Marks IPv4 packets Congestion Experienced where they lie, checksum included (RFC 1624). */
import { classifier, TC_ACT_UNSPEC, u8, u16 } from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPv4 } from '../../../programs/headers.ts';

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, 14);
  if (ip === undefined) return TC_ACT_UNSPEC;
  const ecn = ip.trafficClass & 3;
  if (ecn === 0) return TC_ACT_UNSPEC;
  const sum = (~ip.checksum & 0xffff) + (3 - ecn);
  ip.checksum = u16(~((sum & 0xffff) + (sum >>> 16)));
  ip.trafficClass = u8(ip.trafficClass | 3);
  return TC_ACT_UNSPEC;
});
