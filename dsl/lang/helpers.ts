/** BPF helpers as typed functions; the table behind them is dsl/machine/helpers.ts. Results below 0n are -errno. */
import type { i32, i64, u32, u64 } from './integers.ts';
import type { Context } from './programs.ts';

type Classifier = Context<'classifier'>;
type Xdp = Context<'xdp'>;
type AnySkb = Context<'classifier' | 'socketFilter' | 'cgroupSkb'>;

/** CLOCK_MONOTONIC, ns. Prefer `clock.now()`, which a test can set. */
export declare function ktimeGetNs(): u64;
/** CLOCK_MONOTONIC_COARSE, ns. Prefer `clock.coarse()`. */
export declare function ktimeGetCoarseNs(): u64;
/** Timer ticks. Prefer `clock.ticks()`. */
export declare function jiffies64(): u64;
/** Prefer `random.u32()`. */
export declare function getPrandomU32(): u32;
export declare function getSmpProcessorId(): u32;
/** Makes the first `length` bytes linear and writable (0: the whole linear part). */
export declare function skbPullData(skb: Classifier, length: u32): i64;
/** Copies `offset..` of the packet into `to`, wherever the bytes lie. */
export declare function skbLoadBytes<T extends object>(skb: AnySkb, offset: u32, to: T): i64;
/**
 * The same from the linear part, `offset` counted from the link-layer header (`from` 0) or the network header (1):
 * what a socket's filter needs, whose packet starts behind both.
 */
export declare function skbLoadBytesRelative<T extends object>(
  skb: AnySkb,
  offset: u32,
  to: T,
  from: u32,
): i64;
/** Writes `from` into the packet; `flags` 1n (BPF_F_RECOMPUTE_CSUM) keeps skb->csum right. */
export declare function skbStoreBytes<T extends object>(
  skb: Classifier,
  offset: u32,
  from: T,
  flags: u64,
): i64;
/** Replaces a 2- or 4-byte value in an IPv4 header's checksum at `offset`; the low bits of `flags` are its size. */
export declare function l3CsumReplace(skb: Classifier, offset: u32, from: u64, to: u64, flags: u64): i64;
/** Sets ECN CE on an ECT packet: 1n if it is CE now, 0n if it isn't ECT. */
export declare function skbEcnSetCe(skb: Context<'classifier' | 'cgroupSkb'>): i64;
/** Sets tstamp with its clock type (1: BPF_SKB_CLOCK_MONOTONIC). */
export declare function skbSetTstamp(skb: Classifier, tstamp: u64, type: u32): i64;
/** A number that stands for the packet's socket as long as it lives; 0n without a socket. */
export declare function getSocketCookie(skb: AnySkb): u64;
/**
 * Sends the packet to another device once the program returns what this gives. `flags` for a classifier: 1n
 * (BPF_F_INGRESS) to its receiving side; for XDP 0n.
 */
export declare function redirect(ifindex: u32, flags: u64): i64;
/** Moves the packet's start by `by` bytes, up to some 200 before it; references into the packet end. */
export declare function xdpAdjustHead(packet: Xdp, by: i32): i64;
/** Moves the packet's end by `by` bytes; references into the packet end. */
export declare function xdpAdjustTail(packet: Xdp, by: i32): i64;
