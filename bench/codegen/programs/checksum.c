// Drops IPv4 packets whose header checksum is wrong (RFC 1071), options left out.
#include "common.h"

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet || ethernet->type != bswap16(0x0800))
		return TC_ACT_UNSPEC;
	u16 *words = AT(struct ipv4, skb, 14);
	if (!words)
		return TC_ACT_UNSPEC;
	u32 sum = 0;
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += bswap16(words[i]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}
