import { classifier, hashMap, struct, u32, u64 } from '../../../dsl/lang/index.ts';

const Flow = struct({ packets: u64 });
const flows = hashMap({ key: u32, value: Flow, maxEntries: 16 });

export const count = classifier((skb) => {
  const flow = flows.lookup(skb.mark);
  flow!.packets += 1n;
  return 0;
});
