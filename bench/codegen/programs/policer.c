// A policer whose rate, credit and mark the operator sets: a virtual clock, packets beyond its horizon dropped or marked.
#include "common.h"

const volatile struct {
	u64 ns_per_byte, credit, horizon;
	u32 sample, overhead_bytes, mark, drops;
} limit;
struct { u64 clock; } bucket;

SEC("tc") int program(struct __sk_buff *skb)
{
	u64 now = ktime_get_coarse_ns(), cost = (u64)(skb->len + limit.overhead_bytes) * limit.ns_per_byte;
	u64 floor = now - limit.credit, old = *(volatile u64 *)&bucket.clock;
	if ((i64)(old - floor) < 0)
		__sync_val_compare_and_swap(&bucket.clock, old, floor);
	u64 due = __sync_fetch_and_add(&bucket.clock, cost);
	u32 sample = limit.sample;
	if (sample && skb->hash % sample == 0)
		skb->priority = skb->hash / sample;
	if ((i64)(due - now) <= (i64)limit.horizon)
		return TC_ACT_UNSPEC;
	if (!limit.drops) {
		skb->mark = limit.mark;
		return TC_ACT_UNSPEC;
	}
	__sync_fetch_and_add(&bucket.clock, -cost);
	return TC_ACT_SHOT;
}
