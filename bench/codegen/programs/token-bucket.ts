/** A policer of 1 Gbit/s as a virtual clock that every CPU moves with an atomic addition. */
import {
  atomic,
  classifier,
  clock,
  global,
  i64,
  struct,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u64,
} from '../../../dsl/lang/index.ts';

const NS_PER_BYTE = 8n;
const CREDIT = 10_000_000n;
const HORIZON = 1_000_000_000_000n;

export const bucket = global(struct({ clock: u64 }));

export const program = classifier((skb) => {
  const now = clock.coarse();
  const cost = u64(skb.len) * NS_PER_BYTE;
  const floor = now - CREDIT;
  const old = bucket.clock;
  if (i64(old - floor) < 0n) atomic.compareExchange(bucket, 'clock', old, floor);
  const due = atomic.fetchAdd(bucket, 'clock', cost);
  if (i64(due - now) <= i64(HORIZON)) return TC_ACT_UNSPEC;
  atomic.add(bucket, 'clock', 0n - cost);
  return TC_ACT_SHOT;
});
