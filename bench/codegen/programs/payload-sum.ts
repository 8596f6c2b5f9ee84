/** Adds up the first 32 words of the packet, each read behind a check of its own. */
import { be32, classifier, range, struct, TC_ACT_UNSPEC, u32 } from '../../../dsl/lang/index.ts';

const Word = struct({ value: be32 });

export const program = classifier((skb) => {
  let sum = u32(0);
  for (const index of range(32)) {
    const word = skb.at(Word, index * 4);
    if (word === undefined) break;
    sum += word.value;
  }
  skb.mark = sum;
  return TC_ACT_UNSPEC;
});
