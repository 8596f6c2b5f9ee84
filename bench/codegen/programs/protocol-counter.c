// Counts packets and bytes by IP protocol, on each CPU.
#include "common.h"

struct counter { u64 packets, bytes; };
struct {
	int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
	int (*max_entries)[256];
	u32 *key;
	struct counter *value;
} protocols SEC(".maps");

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	struct ipv4 *ip = AT(struct ipv4, skb, 14);
	if (!ip)
		return TC_ACT_UNSPEC;
	u32 protocol = ip->protocol;
	struct counter *counter = map_lookup(&protocols, &protocol);
	if (counter) {
		counter->packets++;
		counter->bytes += skb->len;
	}
	return TC_ACT_UNSPEC;
}
