/** Counts packets by IPv4 addresses in a hash map. */
import { atomic, be32, classifier, hashMap, struct, TC_ACT_UNSPEC, u64 } from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPv4 } from '../../../programs/headers.ts';

const Key = struct({ source: be32, destination: be32 });
export const flows = hashMap({ key: Key, value: struct({ packets: u64 }), maxEntries: 1024 });

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, 14);
  if (ip === undefined) return TC_ACT_UNSPEC;
  const { source, destination } = ip;
  const flow = flows.lookup({ source, destination });
  if (flow === undefined) flows.update({ source, destination }, { packets: 1n });
  else atomic.add(flow, 'packets', 1n);
  return TC_ACT_UNSPEC;
});
