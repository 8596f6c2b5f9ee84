/** Program types and the contexts that they receive. */
import type { i32, u16, u32, u64 } from './integers.ts';
import type { Struct } from './layout.ts';

/** Marks an exported constant as a BPF program. */
export interface Program<Kind extends string> {
  readonly kind: Kind;
}

/**
 * struct __sk_buff as a traffic-control classifier sees it (include/uapi/linux/bpf.h). Fields are host order but
 * for `protocol` and `vlanProto`, which the kernel holds in network order and the language gives in host order.
 */
export interface Skb {
  /** Bytes from the link-layer header on, GSO payload included. */
  readonly len: u32;
  mark: u32;
  priority: u32;
  /** EtherType. */
  readonly protocol: u16;
  readonly vlanPresent: u32;
  readonly vlanTci: u32;
  /** EtherType of the hardware-offloaded tag. */
  readonly vlanProto: u16;
  readonly ifindex: u32;
  readonly hash: u32;
  tcClassid: u32;
  /** Departure time in ns of CLOCK_MONOTONIC, or 0. */
  tstamp: u64;
  /** Bytes on the wire, each GSO segment's headers included (not at every hook). */
  readonly wireLen: u32;
  readonly gsoSegs: u32;
  readonly gsoSize: u32;
  /** Bytes that direct access can reach: `data_end - data`. */
  readonly linearLength: u32;
  /**
   * A reference to `layout` at `offset` bytes from the link-layer header, or `undefined` when it doesn't lie
   * wholly in the linear part. Helpers that move packet data (`skbPullData`, ...) invalidate every such reference.
   */
  at<T>(layout: Struct<T>, offset: u32): T | undefined;
}

/** A traffic-control classifier (BPF_PROG_TYPE_SCHED_CLS), for clsact in direct-action mode and TCX. */
export declare function classifier(body: (skb: Skb) => i32): Program<'classifier'>;

/** Verdicts of a classifier (include/uapi/linux/pkt_cls.h; TC_ACT_UNSPEC is TCX_NEXT). */
export declare const TC_ACT_UNSPEC: -1;
export declare const TC_ACT_OK: 0;
export declare const TC_ACT_SHOT: 2;
