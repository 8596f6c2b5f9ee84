/** Drops TCP to one port. */
import { classifier, TC_ACT_SHOT, TC_ACT_UNSPEC } from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPPROTO_TCP, IPv4, Ports } from '../../../programs/headers.ts';

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, 14);
  if (ip === undefined || ip.protocol !== IPPROTO_TCP) return TC_ACT_UNSPEC;
  const ports = skb.at(Ports, 14 + (ip.versionAndLength & 15) * 4);
  return ports !== undefined && (ports.both & 0xffff) === 443 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
});
