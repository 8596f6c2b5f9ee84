/** Drops what the operator's settings name: a protocol, a network, short lifetimes, ports of TCP and UDP. */
import {
  classifier,
  settings,
  struct,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u8,
  u16,
  u32,
} from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPPROTO_TCP, IPv4, Ports } from '../../../programs/headers.ts';

const IPPROTO_UDP = 17;

export const filter = settings(
  struct({
    source: u32,
    sourceMask: u32,
    portBuckets: u32,
    bucket: u32,
    protocol: u8,
    lifetime: u8,
    port: u16,
  }),
);

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, 14);
  if (ip === undefined) return TC_ACT_UNSPEC;
  if (filter.protocol !== 0 && ip.protocol === filter.protocol) return TC_ACT_SHOT;
  if (filter.sourceMask !== 0 && (ip.source & filter.sourceMask) === filter.source) return TC_ACT_SHOT;
  if (filter.lifetime !== 0 && ip.timeToLive < filter.lifetime) return TC_ACT_SHOT;
  if (ip.protocol !== IPPROTO_TCP && ip.protocol !== IPPROTO_UDP) return TC_ACT_UNSPEC;
  const ports = skb.at(Ports, 34);
  if (ports === undefined) return TC_ACT_UNSPEC;
  const port = u32(ports.both & 0xffff);
  if (filter.port !== 0 && port === filter.port) return TC_ACT_SHOT;
  return filter.portBuckets !== 0 && port % filter.portBuckets === filter.bucket
    ? TC_ACT_SHOT
    : TC_ACT_UNSPEC;
});
