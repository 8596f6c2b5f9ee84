// Marks IPv4 packets Congestion Experienced where they lie, checksum included (RFC 1624).
#include "common.h"

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	struct ipv4 *ip = AT(struct ipv4, skb, 14);
	if (!ip)
		return TC_ACT_UNSPEC;
	u32 ecn = ip->class & 3;
	if (ecn == 0)
		return TC_ACT_UNSPEC;
	u32 sum = (u16)~bswap16(ip->checksum) + (3 - ecn);
	ip->checksum = bswap16((u16)~((sum & 0xffff) + (sum >> 16)));
	ip->class |= 3;
	return TC_ACT_UNSPEC;
}
