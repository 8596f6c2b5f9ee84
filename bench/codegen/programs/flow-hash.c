// Marks a packet with a hash of its addresses and ports: multiplications, shifts and a modulo.
#include "common.h"

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	struct ipv4 *ip = AT(struct ipv4, skb, 14);
	if (!ip)
		return TC_ACT_UNSPEC;
	u32 *ports = AT(u32, skb, 34);
	if (!ports)
		return TC_ACT_UNSPEC;
	u64 h = (((u64)bswap32(ip->source) << 32) | bswap32(ip->destination)) * 0xbf58476d1ce4e5b9ull;
	h = ((h ^ (h >> 32)) + bswap32(*ports)) * 0x94d049bb133111ebull;
	h = (h ^ (h >> 29)) * 0xff51afd7ed558ccdull;
	skb->mark = (u32)(h ^ (h >> 32)) % 1000;
	return TC_ACT_UNSPEC;
}
