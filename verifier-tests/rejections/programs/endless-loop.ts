import { classifier, global, struct, u64 } from '../../../dsl/lang/index.ts';

const state = global(struct({ waiting: u64 }));

export const wait = classifier((skb) => {
  while (skb.mark !== 0) {
    state.waiting = 1n;
  }
  return 0;
});
