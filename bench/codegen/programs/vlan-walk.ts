/** Gives the packet's priority the code point of the innermost of up to four VLAN tags. */
import {
  be16,
  classifier,
  range,
  struct,
  TC_ACT_UNSPEC,
  type u16,
  type u32,
} from '../../../dsl/lang/index.ts';
import { ETH_P_8021AD, ETH_P_8021Q, Ethernet } from '../../../programs/headers.ts';

const Tag = struct({ control: be16, type: be16 });

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined) return TC_ACT_UNSPEC;
  let type: u16 = ethernet.type;
  let offset: u32 = 14;
  let priority: u32 = 0;
  for (const _ of range(4)) {
    if (type !== ETH_P_8021Q && type !== ETH_P_8021AD) break;
    const tag = skb.at(Tag, offset);
    if (tag === undefined) return TC_ACT_UNSPEC;
    priority = tag.control >>> 13;
    type = tag.type;
    offset += 4;
  }
  skb.priority = priority;
  return TC_ACT_UNSPEC;
});
