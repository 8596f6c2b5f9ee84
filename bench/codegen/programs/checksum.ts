/** Drops IPv4 packets whose header checksum is wrong (RFC 1071), options left out. */
import { be16, classifier, struct, TC_ACT_SHOT, TC_ACT_UNSPEC, u32 } from '../../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet } from '../../../programs/headers.ts';

const Words = struct({
  a: be16,
  b: be16,
  c: be16,
  d: be16,
  e: be16,
  f: be16,
  g: be16,
  h: be16,
  i: be16,
  j: be16,
});

export const program = classifier((skb) => {
  const ethernet = skb.at(Ethernet, 0);
  if (ethernet === undefined || ethernet.type !== ETH_P_IP) return TC_ACT_UNSPEC;
  const w = skb.at(Words, 14);
  if (w === undefined) return TC_ACT_UNSPEC;
  let sum = u32(w.a) + w.b + w.c + w.d + w.e + w.f + w.g + w.h + w.i + w.j;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff ? TC_ACT_UNSPEC : TC_ACT_SHOT;
});
