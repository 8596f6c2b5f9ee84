// Counts packets by IPv4 addresses in a hash map.
#include "common.h"

struct key { u32 source, destination; };
struct {
	int (*type)[BPF_MAP_TYPE_HASH];
	int (*max_entries)[1024];
	struct key *key;
	u64 *value;
} flows SEC(".maps");

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	struct ipv4 *ip = AT(struct ipv4, skb, 14);
	if (!ip)
		return TC_ACT_UNSPEC;
	struct key key = { ip->source, ip->destination };
	u64 *packets = map_lookup(&flows, &key), one = 1;
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		map_update(&flows, &key, &one, BPF_ANY);
	return TC_ACT_UNSPEC;
}
