/**
 * Measures the rate of each IPv4 source in windows of at least a second. Each CPU meters what it sees, so nothing is
 * contended; the rate of a source is the sum over the CPUs.
 */
import {
  be32,
  classifier,
  clock,
  lruPercpuHashMap,
  struct,
  TC_ACT_UNSPEC,
  u64,
} from '../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPv4 } from '../headers.ts';

const SECOND = 1_000_000_000n;

const Meter = struct({
  /** When the window began, ns. */
  start: u64,
  /** Bytes since then. */
  bytes: u64,
  /** Bytes a second in the window before. */
  rate: u64,
});

/** By source address, in network order; sources that fall silent are evicted. */
export const meters = lruPercpuHashMap({ key: be32, value: Meter, maxEntries: 4096 });

export const meter = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const ip = skb.at(IPv4, Ethernet.size);
  if (ip === undefined) return TC_ACT_UNSPEC;
  const source = ip.source;
  const bytes = u64(skb.len);
  const now = clock.now();
  const known = meters.lookup(source);
  if (known === undefined) {
    meters.update(source, { start: now, bytes, rate: 0n });
    return TC_ACT_UNSPEC;
  }
  const elapsed = now - known.start;
  if (elapsed < SECOND) {
    known.bytes += bytes;
    return TC_ACT_UNSPEC;
  }
  known.rate = (known.bytes * SECOND) / elapsed;
  known.start = now;
  known.bytes = bytes;
  return TC_ACT_UNSPEC;
});
