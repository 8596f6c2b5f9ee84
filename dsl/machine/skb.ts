/**
 * A packet as a classifier sees it: bytes, of which a first part is linear (directly accessible), and the
 * sk_buff's fields. Built as the kernel builds one for BPF_PROG_TEST_RUN (bpf_prog_test_run_skb, net/bpf/test_run.c).
 */
import { ERRNO } from './errno.ts';

export const ETHERNET_HEADER = 14;

/** Fields by the names of the context table; what is absent has the value that a test run gives it. */
export interface SkbOptions {
  /** Bytes accessible directly; the rest lies in fragments. Default: all. */
  readonly linearLength?: number;
  readonly mark?: number;
  readonly priority?: number;
  /** EtherType, host order. Default: from the Ethernet header. */
  readonly protocol?: number;
  readonly vlanPresent?: number;
  readonly vlanTci?: number;
  /** EtherType of the offloaded tag, host order. */
  readonly vlanProto?: number;
  /** Default: 1, the loopback device. */
  readonly ifindex?: number;
  readonly hash?: number;
  readonly tcClassid?: number;
  readonly tstamp?: bigint;
  /** Default: the packet's length. */
  readonly wireLen?: number;
  readonly gsoSegs?: number;
  readonly gsoSize?: number;
  /** Bytes from the start to the network header. Default: behind the Ethernet header, VLAN tags not skipped. */
  readonly networkOffset?: number;
}

/** Clock of `tstamp` (enum skb_tstamp_type, include/linux/skbuff.h). */
export const SKB_CLOCK = { realtime: 0, monotonic: 1, tai: 2 } as const;

export class Skb {
  /** The whole packet, from the Ethernet header on; edited in place. */
  readonly data: Uint8Array;
  linearLength: number;
  /** Grows whenever references into the packet become invalid. */
  generation = 0;
  mark: number;
  priority: number;
  protocol: number;
  vlanPresent: number;
  vlanTci: number;
  vlanProto: number;
  ifindex: number;
  hash: number;
  tcClassid: number;
  tstamp: bigint;
  /** SKB_CLOCK of `tstamp`. */
  tstampType: number = SKB_CLOCK.realtime;
  wireLen: number;
  gsoSegs: number;
  gsoSize: number;
  readonly networkOffset: number;

  /** Takes `data` over, without a copy. */
  constructor(data: Uint8Array, options: SkbOptions = {}) {
    this.data = data;
    this.linearLength = Math.min(options.linearLength ?? data.length, data.length);
    this.mark = options.mark ?? 0;
    this.priority = options.priority ?? 0;
    this.protocol = options.protocol ?? protocolOf(data);
    this.vlanPresent = options.vlanPresent ?? 0;
    this.vlanTci = options.vlanTci ?? 0;
    this.vlanProto = options.vlanProto ?? 0;
    this.ifindex = options.ifindex ?? 1;
    this.hash = options.hash ?? 0;
    this.tcClassid = options.tcClassid ?? 0;
    this.tstamp = options.tstamp ?? 0n;
    this.wireLen = options.wireLen ?? data.length;
    // 16 bits in struct skb_shared_info; a test run refuses more segments, but cuts a larger size.
    this.gsoSegs = options.gsoSegs ?? 0;
    this.gsoSize = (options.gsoSize ?? 0) & 0xffff;
    this.networkOffset = options.networkOffset ?? ETHERNET_HEADER;
  }

  get len(): number {
    return this.data.length;
  }

  /** What a test run copies out: the packet's bytes now. */
  bytes(): Uint8Array {
    return this.data.slice();
  }

  /**
   * Makes the first `length` bytes linear and writable (skb_ensure_writable, net/core/skbuff.c); references die
   * whether it succeeds or not. 0, or -ENOMEM beyond the packet's end.
   */
  ensureWritable(length: number): number {
    this.generation++;
    if (length > this.data.length) return -ERRNO.ENOMEM;
    this.linearLength = Math.max(this.linearLength, length);
    return 0;
  }

  /** The context field of that name (dsl/machine/contexts.ts), in the language's byte order. */
  get(name: string): bigint {
    if (name === 'tstamp') return this.tstamp;
    if (isWord(name)) return BigInt(this[name]);
    throw new Error(`read context field ${name}: __sk_buff has no such field in the language`);
  }

  /** Writes a context field; `value` wraps to the field's width. */
  set(name: string, value: bigint): void {
    switch (name) {
      case 'tstamp':
        this.tstamp = BigInt.asUintN(64, value);
        return;
      case 'mark':
      case 'priority':
        this[name] = Number(BigInt.asUintN(32, value));
        return;
      case 'tcClassid':
        // struct qdisc_skb_cb holds 16 bits (bpf_convert_ctx_access, net/core/filter.c).
        this.tcClassid = Number(BigInt.asUintN(16, value));
        return;
      default:
        throw new Error(`write context field ${name}: a classifier may not`);
    }
  }
}

/** The context fields of up to 32 bits. */
const WORDS = [
  'len',
  'mark',
  'protocol',
  'vlanPresent',
  'vlanTci',
  'vlanProto',
  'priority',
  'ifindex',
  'hash',
  'tcClassid',
  'wireLen',
  'gsoSegs',
  'gsoSize',
] as const;
export type SkbWord = (typeof WORDS)[number];
const WORD_SET: ReadonlySet<string> = new Set(WORDS);

/** Whether this is the name of a context field that a `number` holds. */
export function isWord(name: string): name is SkbWord {
  return WORD_SET.has(name);
}

/** The protocol that eth_type_trans (net/ethernet/eth.c) gives a packet. */
function protocolOf(data: Uint8Array): number {
  const type = ((data[12] ?? 0) << 8) | (data[13] ?? 0);
  if (type >= 0x0600) return type;
  // Novell's raw 802.3 starts with 0xffff where an LLC header would be: ETH_P_802_3, else ETH_P_802_2.
  return data[14] === 0xff && data[15] === 0xff ? 0x0001 : 0x0004;
}
