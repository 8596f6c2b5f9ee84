// Adds up the first 32 words of the packet, each read behind a check of its own.
#include "common.h"

SEC("tc") int program(struct __sk_buff *skb)
{
	u32 sum = 0;
	for (int i = 0; i < 32; i++) {
		u32 *word = AT(u32, skb, i * 4);
		if (!word)
			break;
		sum += bswap32(*word);
	}
	skb->mark = sum;
	return TC_ACT_UNSPEC;
}
