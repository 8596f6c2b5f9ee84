/**
 * The heaviest flows, for user space to read: a small table of exact 5-tuples. Heavy flows' packets are sampled by
 * bytes: one is counted when the bucket's clock enters another quantum of 2^18 ns, so that a sample stands for that much
 * time at C, whatever the packet's size, and there are at most 3,815 a second.
 */
import { array, global, type Skb, struct, u32, u64, unlikely } from '../dsl/lang/index.ts';
import { addressesOf } from './addresses.ts';

/** Three for two flows that can be heavy at once. */
const PLACES = 24;
/** A sampling quantum is 2^18 ns of C. */
const QUANTUM_SHIFT = 18n;
/** A flow that wasn't sampled for 2^29 ns (0.54 s) gives its place up. */
const FORGOTTEN: u64 = 1n << 29n;

const SINCE_SHIFT = 24n;
const VERSION_SHIFT = 56n;

const Flow = struct({
  /** The low half of its key's hash; 0 where the place is free. */
  hash: u32,
  /** When it took the place, in units of 2^24 ns. */
  since: u32,
  /**
   * The transport half of its key: protocol, then ports, SPI, key or identifier, in 32 bits; without an IP header the
   * EtherType. In the highest byte 4, 6, or 0 where the key is of the link layer alone.
   */
  transport: u64,
  /** Of IPv6 in halves; of IPv4 in the low halves. */
  sourceHigh: u64,
  sourceLow: u64,
  destinationHigh: u64,
  destinationLow: u64,
  /** Sampling quanta that it has had since it took the place. */
  quanta: u64,
  /** When it was sampled last; ns. */
  last: u64,
});

export const top = global(struct({ flows: array(Flow, PLACES) }));

/** Counts an admitted packet of a heavy flow, if it is a sample; `clock` is the bucket's before the packet. */
export function sample(skb: Skb, hash: u64, transport: u64, clock: u64, cost: u64, now: u64): void {
  const quanta = ((clock + cost) >> QUANTUM_SHIFT) - (clock >> QUANTUM_SHIFT);
  if (unlikely(quanta !== 0n)) take(skb, hash, transport, quanta, now);
}

/** A place by 16 bits. */
const placeOf = (slice: u32): u32 => ((slice & 0xffff) * PLACES) >>> 16;

function take(skb: Skb, hash: u64, transport: u64, quanta: u64, now: u64): void {
  const key = u32(hash);
  const first = placeOf(key);
  const second = placeOf(u32(hash >> 32n));
  const isSecond =
    top.flows[first].hash !== key &&
    (top.flows[second].hash === key || top.flows[second].last < top.flows[first].last);
  const flow = top.flows[isSecond ? second : first];
  if (flow.hash !== key) {
    if (now - flow.last < FORGOTTEN) return;
    const addresses = addressesOf(skb);
    flow.hash = key;
    flow.since = u32(now >> SINCE_SHIFT);
    flow.transport = transport | (u64(addresses.version) << VERSION_SHIFT);
    flow.sourceHigh = addresses.sourceHigh;
    flow.sourceLow = addresses.sourceLow;
    flow.destinationHigh = addresses.destinationHigh;
    flow.destinationLow = addresses.destinationLow;
    flow.quanta = 0n;
  }
  flow.quanta += quanta;
  flow.last = now;
}
