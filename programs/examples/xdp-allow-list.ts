/**
 * Counts packets as the driver hands them over, and drops IPv4 from networks that are not on a list. Attach it with
 * `ip link set dev eth0 xdp obj xdp-allow-list.o sec xdp`, and keep the list with `bpftool map update`.
 */
import {
  atomic,
  be32,
  lpmTrieMap,
  percpuArrayMap,
  settings,
  struct,
  u32,
  u64,
  XDP_DROP,
  XDP_PASS,
  type Xdp,
  xdp,
} from '../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPv4 } from '../headers.ts';

export const config = settings(struct({ /** 1: drop; 0: count only. */ enforce: u32 }));

const Network = struct({ prefixLength: u32, address: be32 });

/** Networks that may send, and how many packets each did; the longest prefix counts. */
export const allowed = lpmTrieMap({ key: Network, value: struct({ packets: u64 }), maxEntries: 1024 });

const Total = struct({ packets: u64, bytes: u64 });
/** Entries of `totals`. */
const NOT_IP = 0;
const ALLOWED = 1;
const REFUSED = 2;

/** Each CPU has its own, which user space adds up. */
export const totals = percpuArrayMap({ value: Total, maxEntries: 3 });

/** Which of the totals a packet belongs to. */
function classify(packet: Xdp): u32 {
  const ethernet = packet.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return NOT_IP;
  const ip = packet.at(IPv4, Ethernet.size);
  if (ip === undefined) return NOT_IP;
  const network = allowed.lookup({ prefixLength: 32, address: ip.source });
  if (network === undefined) return REFUSED;
  atomic.add(network, 'packets', 1n);
  return ALLOWED;
}

export const guard = xdp((packet) => {
  const outcome = classify(packet);
  const total = totals.lookup(outcome);
  if (total !== undefined) {
    total.packets += 1n;
    total.bytes += u64(packet.linearLength);
  }
  return outcome === REFUSED && config.enforce !== 0 ? XDP_DROP : XDP_PASS;
});
