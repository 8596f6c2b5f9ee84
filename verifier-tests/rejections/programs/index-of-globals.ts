import { array, classifier, global, struct, u64 } from '../../../dsl/lang/index.ts';

const state = global(struct({ cells: array(u64, 16) }));

export const count = classifier((skb) => {
  const index = skb.len >> 3;
  if (index > 16000) return 1;
  state.cells[index] += 1n;
  return 0;
});
