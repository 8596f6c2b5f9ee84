/** Counts packets and bytes by IP protocol, on each CPU. */
import { classifier, percpuArrayMap, struct, TC_ACT_UNSPEC, u64 } from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPv4 } from '../../../programs/headers.ts';

export const protocols = percpuArrayMap({ value: struct({ packets: u64, bytes: u64 }), maxEntries: 256 });

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, 14);
  if (ip === undefined) return TC_ACT_UNSPEC;
  const counter = protocols.lookup(ip.protocol);
  if (counter === undefined) return TC_ACT_UNSPEC;
  counter.packets += 1n;
  counter.bytes += u64(skb.len);
  return TC_ACT_UNSPEC;
});
