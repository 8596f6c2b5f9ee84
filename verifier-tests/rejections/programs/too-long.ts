import { classifier } from '../../../dsl/lang/index.ts';

export const mix = classifier((skb) => {
  let mixed = skb.len;
  for (let i = 0; i < 400000; i++) {
    mixed = (mixed ^ i) * 3;
  }
  skb.mark = mixed;
  return 0;
});
