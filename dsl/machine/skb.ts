/**
 * A packet as a classifier, a socket filter or a program of a cgroup sees it: bytes, of which a first part is linear
 * (directly accessible), and the sk_buff's fields. Built as the kernel builds one for BPF_PROG_TEST_RUN
 * (bpf_prog_test_run_skb, net/bpf/test_run.c).
 */
import { ERRNO } from './errno.ts';
import type { Packet } from './packet.ts';

export const ETHERNET_HEADER = 14;

/** Fields by the names of the context table; what is absent has the value that a test run gives it. */
export interface SkbOptions {
  /** Bytes accessible directly; the rest lies in fragments. Default: all. */
  readonly linearLength?: number;
  /** PACKET_HOST and its kin (linux/if_packet.h). Default: from the Ethernet header. */
  readonly packetType?: number;
  readonly mark?: number;
  readonly priority?: number;
  readonly ingressIfindex?: number;
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
  /** Of the packet's socket, as programs of a cgroup see it: address family, addresses and ports in host order. */
  readonly family?: number;
  readonly remoteIp4?: number;
  readonly localIp4?: number;
  readonly remotePort?: number;
  readonly localPort?: number;
  readonly socketCookie?: bigint;
  /** The link-layer header, where the packet that the program sees starts behind it. */
  readonly linkHeader?: Uint8Array;
  /** Bytes from the start to the network header. Default: behind the Ethernet header, VLAN tags not skipped. */
  readonly networkOffset?: number;
}

/** Clock of `tstamp` (enum skb_tstamp_type, include/linux/skbuff.h). */
export const SKB_CLOCK = { realtime: 0, monotonic: 1, tai: 2 } as const;

export class Skb implements Packet {
  /** The packet from where the program sees it: the Ethernet header, or the network header. Edited in place. */
  readonly data: Uint8Array;
  linearLength: number;
  generation = 0;
  readonly packetType: number;
  mark: number;
  priority: number;
  readonly ingressIfindex: number;
  readonly family: number;
  readonly remoteIp4: number;
  readonly localIp4: number;
  readonly remotePort: number;
  readonly localPort: number;
  readonly socketCookie: bigint;
  readonly linkHeader: Uint8Array;
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
    this.packetType = options.packetType ?? packetTypeOf(data);
    this.mark = options.mark ?? 0;
    this.ingressIfindex = options.ingressIfindex ?? 0;
    this.family = options.family ?? 0;
    this.remoteIp4 = options.remoteIp4 ?? 0;
    this.localIp4 = options.localIp4 ?? 0;
    this.remotePort = options.remotePort ?? 0;
    this.localPort = options.localPort ?? 0;
    this.socketCookie = options.socketCookie ?? 0n;
    this.linkHeader = options.linkHeader ?? new Uint8Array();
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

  /** The packet of a frame whose program starts at the network header; `frame` is taken over, without a copy. */
  static behindLinkHeader(frame: Uint8Array, options: SkbOptions = {}): Skb {
    const linkHeader = frame.subarray(0, ETHERNET_HEADER);
    return new Skb(frame.subarray(ETHERNET_HEADER), {
      protocol: protocolOf(frame),
      packetType: packetTypeOf(frame),
      networkOffset: 0,
      linkHeader,
      ...socketOf(frame),
      ...options,
    });
  }

  get len(): number {
    return this.data.length;
  }

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

  get(name: string): bigint {
    if (name === 'tstamp') return this.tstamp;
    if (isWord(name)) return BigInt(this[name]);
    throw new Error(`read context field ${name}: __sk_buff has no such field in the language`);
  }

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
        throw new Error(`write context field ${name}: no program may`);
    }
  }
}

/** The context fields of up to 32 bits. */
const WORDS = [
  'len',
  'packetType',
  'mark',
  'protocol',
  'vlanPresent',
  'vlanTci',
  'vlanProto',
  'priority',
  'ingressIfindex',
  'ifindex',
  'hash',
  'tcClassid',
  'family',
  'remoteIp4',
  'localIp4',
  'remotePort',
  'localPort',
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

/** Of linux/if_packet.h. */
const PACKET_TYPE = { host: 0, broadcast: 1, multicast: 2, otherHost: 3 } as const;

/** The type that eth_type_trans (net/ethernet/eth.c) gives a packet of the loopback device, whose address is zero. */
function packetTypeOf(data: Uint8Array): number {
  const destination = data.subarray(0, 6);
  if (destination.every((byte) => byte === 0)) return PACKET_TYPE.host;
  if (destination.every((byte) => byte === 0xff)) return PACKET_TYPE.broadcast;
  return (destination[0] ?? 0) & 1 ? PACKET_TYPE.multicast : PACKET_TYPE.otherHost;
}

/** AF_INET, AF_INET6. */
const FAMILY: ReadonlyMap<number, number> = new Map([
  [0x0800, 2],
  [0x86dd, 10],
]);

/** The socket that a test run makes up for a packet: it has the packet's family and, for IPv4, its addresses. */
function socketOf(frame: Uint8Array): Pick<SkbOptions, 'family' | 'localIp4' | 'remoteIp4'> {
  const protocol = protocolOf(frame);
  const family = FAMILY.get(protocol) ?? 0;
  if (family !== FAMILY.get(0x0800) || frame.length < ETHERNET_HEADER + 20) return { family };
  const header = new DataView(frame.buffer, frame.byteOffset + ETHERNET_HEADER);
  return { family, localIp4: header.getUint32(12), remoteIp4: header.getUint32(16) };
}

/** The protocol that eth_type_trans (net/ethernet/eth.c) gives a packet. */
function protocolOf(data: Uint8Array): number {
  const type = ((data[12] ?? 0) << 8) | (data[13] ?? 0);
  if (type >= 0x0600) return type;
  // Novell's raw 802.3 starts with 0xffff where an LLC header would be: ETH_P_802_3, else ETH_P_802_2.
  return data[14] === 0xff && data[15] === 0xff ? 0x0001 : 0x0004;
}
