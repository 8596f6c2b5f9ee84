// A policer of 1 Gbit/s as a virtual clock that every CPU moves with an atomic addition.
#include "common.h"

#define CREDIT 10000000ull
#define HORIZON 1000000000000ll

struct { u64 clock; } bucket;

SEC("tc") int program(struct __sk_buff *skb)
{
	u64 now = ktime_get_coarse_ns(), cost = (u64)skb->len * 8;
	u64 floor = now - CREDIT, old = *(volatile u64 *)&bucket.clock;
	if ((i64)(old - floor) < 0)
		__sync_val_compare_and_swap(&bucket.clock, old, floor);
	u64 due = __sync_fetch_and_add(&bucket.clock, cost);
	if ((i64)(due - now) <= HORIZON)
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(&bucket.clock, -cost);
	return TC_ACT_SHOT;
}
