/** Program kinds, the contexts that they receive and the results that they give. */
import type { i32, u16, u32, u64 } from './integers.ts';
import type { Struct } from './layout.ts';

/** Marks an exported constant as a BPF program. */
export interface Program<Kind extends string> {
  readonly kind: Kind;
}

declare const kind: unique symbol;

/** What every context is: a value that programs of these kinds receive and can only pass on. */
export interface Context<Kind extends string> {
  readonly [kind]: Kind;
}

/** A context whose packet can be reached by references. */
export interface PacketAccess {
  /** Bytes that direct access can reach: `data_end - data`. */
  readonly linearLength: u32;
  /**
   * A reference to `layout` at `offset` bytes from the packet's start, or `undefined` when it doesn't lie wholly in
   * the linear part. Helpers that move packet data (`skbPullData`, ...) invalidate every such reference.
   */
  at<T>(layout: Struct<T>, offset: u32): T | undefined;
}

/** A context whose packet can be copied from, wherever its bytes lie. */
export interface PacketCopy {
  /** A copy on the stack of `layout` at `offset` bytes from the packet's start, or `undefined` beyond its end. */
  load<T>(layout: Struct<T>, offset: u32): Readonly<T> | undefined;
}

/**
 * The fields of struct __sk_buff (include/uapi/linux/bpf.h) that every kind of program with an skb may read. They are
 * in host order, those too that the kernel holds in network order.
 */
export interface SkbFields {
  /** Bytes from the packet's start on, GSO payload included. */
  readonly len: u32;
  /** To whom the link layer addressed it (linux/if_packet.h): 0 host, 1 broadcast, 2 multicast, 3 other, 4 outgoing. */
  readonly packetType: u32;
  readonly mark: u32;
  readonly priority: u32;
  /** EtherType. */
  readonly protocol: u16;
  readonly vlanPresent: u32;
  readonly vlanTci: u32;
  /** EtherType of the hardware-offloaded tag. */
  readonly vlanProto: u16;
  readonly ingressIfindex: u32;
  readonly ifindex: u32;
  readonly hash: u32;
  readonly gsoSegs: u32;
  readonly gsoSize: u32;
}

/** struct __sk_buff as a traffic-control classifier sees it: from the link-layer header on. */
export interface Skb extends Context<'classifier'>, SkbFields, PacketAccess, PacketCopy {
  mark: u32;
  priority: u32;
  tcClassid: u32;
  /** Departure time in ns of CLOCK_MONOTONIC, or 0. */
  tstamp: u64;
  /** Bytes on the wire, each GSO segment's headers included (not at every hook). */
  readonly wireLen: u32;
}

/** struct __sk_buff as a socket's filter sees it: from where the socket's protocol reads, and to be copied from only. */
export interface SocketSkb extends Context<'socketFilter'>, SkbFields, PacketCopy {}

/** struct __sk_buff as a program of a cgroup sees it: from the network header on; `at` gives references to read. */
export interface CgroupSkb extends Context<'cgroupSkb'>, SkbFields, PacketCopy {
  mark: u32;
  priority: u32;
  /** Departure time in ns of CLOCK_MONOTONIC, or 0. */
  tstamp: u64;
  /** Address family of the socket. */
  readonly family: u32;
  readonly remoteIp4: u32;
  readonly localIp4: u32;
  readonly remotePort: u32;
  readonly localPort: u32;
  readonly linearLength: u32;
  at<T>(layout: Struct<T>, offset: u32): Readonly<T> | undefined;
}

/** struct xdp_md: a packet that the driver has just received, from the link-layer header on. */
export interface Xdp extends Context<'xdp'>, PacketAccess {
  readonly ingressIfindex: u32;
  readonly rxQueueIndex: u32;
}

/** struct xdp_md for a program of a device map, which runs as the packet is about to leave by `egressIfindex`. */
export interface XdpDevmap extends Xdp {
  readonly egressIfindex: u32;
}

/** The results of one kind, which are not those of another: the optional brand refuses a constant of the wrong kind. */
export type TcVerdict = i32 & { readonly __verdict?: 'tc' };
export type XdpVerdict = u32 & { readonly __verdict?: 'xdp' };
/** 0: drop; 1: pass. An egress program may add 2, which tells the socket of congestion. */
export type CgroupVerdict = u32 & { readonly __verdict?: 'cgroup' };

/** A traffic-control classifier (BPF_PROG_TYPE_SCHED_CLS), for clsact in direct-action mode and TCX. */
export declare function classifier(body: (skb: Skb) => TcVerdict): Program<'classifier'>;
/** A program at the driver's door (BPF_PROG_TYPE_XDP), before the packet becomes an skb. */
export declare function xdp(body: (packet: Xdp) => XdpVerdict): Program<'xdp'>;
/** An XDP program for an entry of a device map (BPF_XDP_DEVMAP). */
export declare function xdpDevmap(body: (packet: XdpDevmap) => XdpVerdict): Program<'xdpDevmap'>;
/** A filter of one socket (BPF_PROG_TYPE_SOCKET_FILTER); its result is how many bytes to keep, 0 to drop. */
export declare function socketFilter(body: (skb: SocketSkb) => u32): Program<'socketFilter'>;
/** What the sockets of a cgroup receive (BPF_CGROUP_INET_INGRESS). */
export declare function cgroupSkbIngress(
  body: (skb: CgroupSkb) => CgroupVerdict,
): Program<'cgroupSkbIngress'>;
/** What the sockets of a cgroup send (BPF_CGROUP_INET_EGRESS). */
export declare function cgroupSkbEgress(body: (skb: CgroupSkb) => CgroupVerdict): Program<'cgroupSkbEgress'>;

/** Verdicts of a classifier (include/uapi/linux/pkt_cls.h; TC_ACT_UNSPEC is TCX_NEXT). */
export declare const TC_ACT_UNSPEC: -1 & TcVerdict;
export declare const TC_ACT_OK: 0 & TcVerdict;
export declare const TC_ACT_SHOT: 2 & TcVerdict;

/** Verdicts of an XDP program (enum xdp_action, include/uapi/linux/bpf.h): aborted drops and leaves a trace. */
export declare const XDP_ABORTED: 0 & XdpVerdict;
export declare const XDP_DROP: 1 & XdpVerdict;
export declare const XDP_PASS: 2 & XdpVerdict;
/** Back out by the device that it came from. */
export declare const XDP_TX: 3 & XdpVerdict;
/** Where the helper `redirect` said. */
export declare const XDP_REDIRECT: 4 & XdpVerdict;

/** Results of a program of a cgroup. */
export declare const CGROUP_DROP: 0 & CgroupVerdict;
export declare const CGROUP_PASS: 1 & CgroupVerdict;

/** The whole packet, as a socket filter's result. */
export declare const KEEP_ALL: 0xffffffff;
