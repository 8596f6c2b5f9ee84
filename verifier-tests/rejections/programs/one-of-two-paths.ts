import { classifier, hashMap, struct, u32, u64 } from '../../../dsl/lang/index.ts';

const Flow = struct({ packets: u64, bytes: u64 });
const flows = hashMap({ key: u32, value: Flow, maxEntries: 16 });

export const count = classifier((skb) => {
  const known = flows.lookup(skb.mark);
  if (skb.len > 100) {
    if (known !== undefined) known.packets += 1n;
    return 0;
  }
  if (known === undefined && skb.len > 50) return 1;
  known!.bytes = 7n;
  return 0;
});
