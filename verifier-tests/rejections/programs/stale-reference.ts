import { be16, classifier, type Skb, skbPullData, struct } from '../../../dsl/lang/index.ts';

const Header = struct({ type: be16 });

function makeLinear(skb: Skb): void {
  if (skb.linearLength < 64) skbPullData(skb, 64);
}

export const read = classifier((skb) => {
  const header = skb.at(Header, 12);
  if (header === undefined) return 0;
  makeLinear(skb);
  skb.mark = header.type;
  return 0;
});
