import { atomic, classifier, settings, struct, u32 } from '../../../dsl/lang/index.ts';

const config = settings(struct({ limit: u32 }));

export const tighten = classifier((skb) => {
  if (skb.len > 1500) atomic.add(config, 'limit', 1);
  return 0;
});
