import { array, classifier, struct, u8 } from '../../../dsl/lang/index.ts';

const Header = struct({ bytes: array(u8, 16) });

export const read = classifier((skb) => {
  const header = skb.at(Header, 0);
  if (header === undefined) return 0;
  const index = skb.mark & 31;
  return header.bytes[index];
});
