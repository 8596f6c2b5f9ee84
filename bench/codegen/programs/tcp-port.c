// Drops TCP to one port.
#include "common.h"

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	struct ipv4 *ip = AT(struct ipv4, skb, 14);
	if (!ip || ip->protocol != 6)
		return TC_ACT_UNSPEC;
	u16 *ports = AT(u32, skb, 14 + (ip->version_length & 15) * 4);
	return ports && ports[1] == bswap16(443) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}
