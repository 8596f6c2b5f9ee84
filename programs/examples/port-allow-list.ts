/** Drops TCP and UDP over IPv4 to ports that are not on a list that user space keeps. */
import {
  atomic,
  classifier,
  global,
  hashMap,
  settings,
  struct,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u16,
  u32,
  u64,
} from '../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPPROTO_TCP, IPPROTO_UDP, IPv4, Ports } from '../headers.ts';

/** The fragment offset of IPv4: only the first fragment has ports, and without it the others are lost. */
const FRAGMENT_OFFSET = 0x1fff;

export const config = settings(struct({ /** 1: drop; 0: count only. */ enforce: u32 }));

const Service = struct({ port: u16, protocol: u16 });

/** The ports that may be reached, and how often they were. */
export const allowed = hashMap({ key: Service, value: struct({ packets: u64 }), maxEntries: 1024 });

export const totals = global(struct({ refused: u64 }));

export const guard = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, Ethernet.size);
  if (ip === undefined || (ip.fragment & FRAGMENT_OFFSET) !== 0) return TC_ACT_UNSPEC;
  const protocol = ip.protocol;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return TC_ACT_UNSPEC;
  const ports = skb.at(Ports, Ethernet.size + (ip.versionAndLength & 15) * 4);
  const port = ports === undefined ? 0 : ports.both & 0xffff;
  const service = allowed.lookup({ port: u16(port), protocol });
  if (service !== undefined) {
    atomic.add(service, 'packets', 1n);
    return TC_ACT_UNSPEC;
  }
  atomic.add(totals, 'refused', 1n);
  return config.enforce === 0 ? TC_ACT_UNSPEC : TC_ACT_SHOT;
});
