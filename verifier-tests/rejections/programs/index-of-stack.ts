import { array, classifier, i32, noinline, stack, struct, u8, type u32 } from '../../../dsl/lang/index.ts';

const Buffer = struct({ bytes: array(u8, 32) });

const mark = noinline((index: u32): u32 => {
  const buffer = stack(Buffer);
  buffer.bytes[index] = 1;
  return buffer.bytes[0];
});

export const first = classifier((skb) => {
  if (skb.len < 60) return 0;
  return i32(mark(skb.len));
});
