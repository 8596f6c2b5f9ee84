// Drops what the operator's settings name: a protocol, a network, short lifetimes, ports of TCP and UDP.
#include "common.h"

const volatile struct {
	u32 source, source_mask, port_buckets, bucket;
	u8 protocol, lifetime;
	u16 port;
} filter;

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	struct ipv4 *ip = AT(struct ipv4, skb, 14);
	if (!ip)
		return TC_ACT_UNSPEC;
	u8 protocol = filter.protocol, lifetime = filter.lifetime;
	u32 source_mask = filter.source_mask, port_buckets = filter.port_buckets;
	if (protocol && ip->protocol == protocol)
		return TC_ACT_SHOT;
	if (source_mask && (bswap32(ip->source) & source_mask) == filter.source)
		return TC_ACT_SHOT;
	if (lifetime && ip->ttl < lifetime)
		return TC_ACT_SHOT;
	if (ip->protocol != 6 && ip->protocol != 17)
		return TC_ACT_UNSPEC;
	u16 *ports = AT(u32, skb, 34);
	if (!ports)
		return TC_ACT_UNSPEC;
	u32 port = bswap16(ports[1]);
	u16 wanted = filter.port;
	if (wanted && port == wanted)
		return TC_ACT_SHOT;
	return port_buckets && port % port_buckets == filter.bucket ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}
