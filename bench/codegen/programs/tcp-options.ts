/** Marks a TCP packet with its maximum segment size, found among up to eight options. */
import {
  be16,
  classifier,
  range,
  struct,
  TC_ACT_UNSPEC,
  u8,
  u16,
  type u32,
} from '../../../dsl/lang/index.ts';

const Option = struct({ kind: u8, length: u8 });
const SegmentSize = struct({ kind: u8, length: u8, value: be16 });

export const program = classifier((skb) => {
  let offset: u32 = 54;
  for (const _ of range(8)) {
    const option = skb.at(Option, offset);
    if (option === undefined || option.kind === 0) break;
    if (option.kind === 1) {
      offset += 1;
      continue;
    }
    if (option.kind === 2) {
      const segmentSize = skb.at(SegmentSize, offset);
      if (segmentSize !== undefined) skb.mark = segmentSize.value;
      break;
    }
    offset = u16(offset + option.length) & 0x3ff;
  }
  return TC_ACT_UNSPEC;
});
