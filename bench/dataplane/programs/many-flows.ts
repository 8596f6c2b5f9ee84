/**
 * Gives each run of one IPv4 TCP packet another source port, then goes on in the program that is measured:
 * BPF_PROG_TEST_RUN repeats the same bytes.
 */
import {
  classifier,
  global,
  programArray,
  settings,
  struct,
  TC_ACT_UNSPEC,
  u16,
  u64,
} from '../../../dsl/lang/index.ts';
import { Ports } from '../../../programs/headers.ts';

/** `mask`: the number of flows, a power of two, less one. */
const config = settings(struct({ mask: u64 }));
const sent = global(struct({ packets: u64 }));
const measured = programArray({ maxEntries: 1 });

/** Odd, so that its multiples take on every value of the lowest bits, and not one after the other. */
const STRIDE: u64 = 40_503n;
/** Behind Ethernet and IPv4 without options. */
const TCP_OFFSET = 34;

export const manyFlows = classifier((skb) => {
  const ports = skb.at(Ports, TCP_OFFSET);
  if (ports === undefined) return TC_ACT_UNSPEC;
  sent.packets += 1n;
  ports.both = (u16((sent.packets * STRIDE) & config.mask) << 16) | 443;
  measured.tailCall(skb, 0);
  return TC_ACT_UNSPEC;
});
