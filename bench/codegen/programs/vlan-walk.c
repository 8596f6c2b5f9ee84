// Gives the packet's priority the code point of the innermost of up to four VLAN tags.
#include "common.h"

SEC("tc") int program(struct __sk_buff *skb)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	if (!ethernet)
		return TC_ACT_UNSPEC;
	u16 type = ethernet->type;
	u32 priority = 0;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		if (type != bswap16(0x8100) && type != bswap16(0x88a8))
			break;
		struct vlan *tag = AT(struct vlan, skb, 14 + 4 * i);
		if (!tag)
			return TC_ACT_UNSPEC;
		priority = bswap16(tag->control) >> 13;
		type = tag->type;
	}
	skb->priority = priority;
	return TC_ACT_UNSPEC;
}
