import { atomic, classifier, struct, u64 } from '../../../dsl/lang/index.ts';

const Header = struct({ sequence: u64 });

export const stamp = classifier((skb) => {
  const header = skb.at(Header, 0);
  if (header) atomic.add(header, 'sequence', 1n);
  return 0;
});
