import { be16, classifier, struct, u8 } from '../../../dsl/lang/index.ts';

const Header = struct({ type: be16, length: u8, flags: u8 });

export const read = classifier((skb) => {
  const header = skb.at(Header, 14);
  skb.mark = header!.type;
  return 0;
});
