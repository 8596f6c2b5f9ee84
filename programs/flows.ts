/**
 * The heaviest flows, for user space to read: a small table of exact 5-tuples. Heavy flows' packets are sampled by
 * bytes: one is counted when the bucket's clock enters another quantum of 2^18 ns, so that a sample stands for that much
 * time at C, whatever the packet's size, and there are at most 3,815 a second.
 */
import { array, global, type Skb, struct, u32, u64, unlikely } from '../dsl/lang/index.ts';
import { addressesOf } from './addresses.ts';

/** Two for each flow that can be heavy at once. */
const PLACES = 32;
/** A sampling quantum is 2^18 ns of C. */
const QUANTUM_SHIFT = 18n;
/** A flow that wasn't sampled for 2^29 ns (0.54 s) gives its place up. */
const FORGOTTEN: u64 = 1n << 29n;

const Flow = struct({
  /** Of its key; 0 where the place is free. */
  hash: u64,
  /** Protocol in the high half; ports, SPI, key or identifier in the low. Without an IP header the EtherType. */
  transport: u64,
  /** Of IPv6 in halves; of IPv4 in the low halves. */
  sourceHigh: u64,
  sourceLow: u64,
  destinationHigh: u64,
  destinationLow: u64,
  /** 4, 6, or 0 where the key is of the link layer alone. */
  version: u64,
  /** Sampling quanta that it has had since it took the place. */
  quanta: u64,
  /** When it took the place, and when it was sampled last; ns. */
  since: u64,
  last: u64,
});

export const top = global(struct({ flows: array(Flow, PLACES) }));

/** Counts an admitted packet of a heavy flow, if it is a sample; `clock` is the bucket's before the packet. */
export function sample(skb: Skb, hash: u64, transport: u64, clock: u64, cost: u64, now: u64): void {
  const quanta = ((clock + cost) >> QUANTUM_SHIFT) - (clock >> QUANTUM_SHIFT);
  if (unlikely(quanta !== 0n)) take(skb, hash, transport, quanta, now);
}

function take(skb: Skb, hash: u64, transport: u64, quanta: u64, now: u64): void {
  const first = u32(hash) & (PLACES - 1);
  const second = u32(hash >> 32n) & (PLACES - 1);
  const isSecond =
    top.flows[first].hash !== hash &&
    (top.flows[second].hash === hash || top.flows[second].last < top.flows[first].last);
  const flow = top.flows[isSecond ? second : first];
  if (flow.hash !== hash) {
    if (now - flow.last < FORGOTTEN) return;
    const addresses = addressesOf(skb);
    flow.hash = hash;
    flow.transport = transport;
    flow.sourceHigh = addresses.sourceHigh;
    flow.sourceLow = addresses.sourceLow;
    flow.destinationHigh = addresses.destinationHigh;
    flow.destinationLow = addresses.destinationLow;
    flow.version = u64(addresses.version);
    flow.quanta = 0n;
    flow.since = now;
  }
  flow.quanta += quanta;
  flow.last = now;
}
