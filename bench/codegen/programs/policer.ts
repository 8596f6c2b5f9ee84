/** A policer whose rate, credit and mark the operator sets: a virtual clock, packets beyond its horizon dropped or marked. */
import {
  atomic,
  classifier,
  clock,
  global,
  i64,
  settings,
  struct,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u32,
  u64,
} from '../../../dsl/lang/index.ts';

export const limit = settings(
  struct({
    nsPerByte: u64,
    credit: u64,
    horizon: u64,
    sample: u32,
    overheadBytes: u32,
    mark: u32,
    drops: u32,
  }),
);
export const bucket = global(struct({ clock: u64 }));

export const program = classifier((skb) => {
  const now = clock.coarse();
  const cost = u64(skb.len + limit.overheadBytes) * limit.nsPerByte;
  const floor = now - limit.credit;
  const old = bucket.clock;
  if (i64(old - floor) < 0n) atomic.compareExchange(bucket, 'clock', old, floor);
  const due = atomic.fetchAdd(bucket, 'clock', cost);
  if (limit.sample !== 0 && skb.hash % limit.sample === 0) skb.priority = skb.hash / limit.sample;
  if (i64(due - now) <= i64(limit.horizon)) return TC_ACT_UNSPEC;
  if (limit.drops === 0) {
    skb.mark = limit.mark;
    return TC_ACT_UNSPEC;
  }
  atomic.add(bucket, 'clock', 0n - cost);
  return TC_ACT_SHOT;
});
