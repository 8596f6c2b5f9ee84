/**
 * A packet as an XDP program sees it: linear, in a page with room before and behind it, which the program may move
 * its ends into. Built as the kernel builds one for BPF_PROG_TEST_RUN (bpf_prog_test_run_xdp, net/bpf/test_run.c).
 */
import { ERRNO } from './errno.ts';
import type { Packet } from './packet.ts';
import { ETHERNET_HEADER } from './skb.ts';

/** XDP_PACKET_HEADROOM, of which struct xdp_frame takes the start when the packet is passed on. */
const HEADROOM = 256;
const XDP_FRAME = 40;
/** A page less the headroom and struct skb_shared_info, on x86-64. */
export const LARGEST_XDP_PACKET = 4096 - HEADROOM - 320;

export interface XdpOptions {
  /** Default: 1, the loopback device. */
  readonly ingressIfindex?: number;
  readonly rxQueueIndex?: number;
  /** For programs of a device map. */
  readonly egressIfindex?: number;
}

const FIELDS = ['ingressIfindex', 'rxQueueIndex', 'egressIfindex'] as const;
type XdpField = (typeof FIELDS)[number];
const isField = (name: string): name is XdpField => FIELDS.some((field) => field === name);

export class XdpBuff implements Packet {
  readonly #page: Uint8Array;
  #start = HEADROOM;
  #end: number;
  readonly #fields: Readonly<Record<XdpField, number>>;
  generation = 0;

  /** Copies `frame`, which starts with its Ethernet header. */
  constructor(frame: Uint8Array, options: XdpOptions = {}) {
    if (frame.length > LARGEST_XDP_PACKET)
      throw new Error(`make an XDP packet of ${frame.length} bytes: ${LARGEST_XDP_PACKET} fit a page`);
    this.#page = new Uint8Array(HEADROOM + LARGEST_XDP_PACKET);
    this.#page.set(frame, HEADROOM);
    this.#end = HEADROOM + frame.length;
    this.#fields = {
      ingressIfindex: options.ingressIfindex ?? 1,
      rxQueueIndex: options.rxQueueIndex ?? 0,
      egressIfindex: options.egressIfindex ?? 0,
    };
  }

  get data(): Uint8Array {
    return this.#page.subarray(this.#start, this.#end);
  }

  get linearLength(): number {
    return this.#end - this.#start;
  }

  bytes(): Uint8Array {
    return this.data.slice();
  }

  get(name: string): bigint {
    if (isField(name)) return BigInt(this.#fields[name]);
    throw new Error(`read context field ${name}: xdp_md has no such field`);
  }

  set(name: string, _value: bigint): void {
    throw new Error(`write context field ${name}: xdp_md is read-only`);
  }

  /** bpf_xdp_adjust_head: the packet starts `by` bytes later, or earlier. 0 or -EINVAL; references die either way. */
  adjustHead(by: number): number {
    this.generation++;
    const start = this.#start + by;
    if (start < XDP_FRAME || start > this.#end - ETHERNET_HEADER) return -ERRNO.EINVAL;
    this.#start = start;
    return 0;
  }

  /** bpf_xdp_adjust_tail: the packet ends `by` bytes later, with zeros, or earlier. 0 or -EINVAL. */
  adjustTail(by: number): number {
    this.generation++;
    const end = this.#end + by;
    if (end > this.#page.length || end < this.#start + ETHERNET_HEADER) return -ERRNO.EINVAL;
    if (by > 0) this.#page.fill(0, this.#end, end);
    this.#end = end;
    return 0;
  }
}
