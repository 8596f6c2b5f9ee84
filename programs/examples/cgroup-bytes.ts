/**
 * Counts what the sockets of a cgroup send and receive, and refuses to send more once the cgroup has used up its budget.
 * Attach both programs to a directory of cgroup2, with `bpftool cgroup attach` for one.
 */
import {
  atomic,
  CGROUP_DROP,
  CGROUP_PASS,
  cgroupSkbEgress,
  cgroupSkbIngress,
  global,
  settings,
  struct,
  u64,
} from '../../dsl/lang/index.ts';

export const config = settings(struct({ /** Bytes that may be sent; 0: any number. */ budget: u64 }));

/** Bytes from the IP header on. */
export const used = global(struct({ sent: u64, received: u64, refused: u64 }));

export const receiving = cgroupSkbIngress((skb) => {
  atomic.add(used, 'received', u64(skb.len));
  return CGROUP_PASS;
});

export const sending = cgroupSkbEgress((skb) => {
  const bytes = u64(skb.len);
  const before = atomic.fetchAdd(used, 'sent', bytes);
  if (config.budget === 0n || before + bytes <= config.budget) return CGROUP_PASS;
  atomic.add(used, 'sent', -bytes);
  atomic.add(used, 'refused', bytes);
  return CGROUP_DROP;
});
