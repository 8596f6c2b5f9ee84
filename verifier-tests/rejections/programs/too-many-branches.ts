import { classifier, struct, u8 } from '../../../dsl/lang/index.ts';

const Byte = struct({ value: u8 });

export const sum = classifier((skb) => {
  let total = 0;
  for (let i = 0; i < 20000; i++) {
    const byte = skb.at(Byte, i);
    if (byte === undefined) break;
    total += byte.value;
  }
  skb.mark = total;
  return 0;
});
