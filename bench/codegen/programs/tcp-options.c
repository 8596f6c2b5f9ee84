// Marks a TCP packet with its maximum segment size, found among up to eight options.
#include "common.h"

struct option { u8 kind, length; u16 value; };

SEC("tc") int program(struct __sk_buff *skb)
{
	u32 offset = 54;
	for (int i = 0; i < 8; i++) {
		struct option *option = AT(u16, skb, offset);
		if (!option || option->kind == 0)
			break;
		if (option->kind == 1) {
			offset += 1;
			continue;
		}
		if (option->kind == 2) {
			option = AT(struct option, skb, offset);
			if (option)
				skb->mark = bswap16(option->value);
			break;
		}
		offset = (offset + option->length) & 0x3ff;
	}
	return TC_ACT_UNSPEC;
}
