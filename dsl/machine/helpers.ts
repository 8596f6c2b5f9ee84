/**
 * The BPF helpers of the language, one row a helper: what the kernel's verifier expects and gives
 * (include/uapi/linux/bpf.h, kernel/bpf/helpers.c, net/core/filter.c). `dsl/lang/helpers.ts` declares the same
 * functions to TypeScript; a test holds the two together.
 */

import type { ProgramKind } from '../object/image.ts';

/**
 * How an argument is passed.
 * `u32`/`i32`/`u64`: a scalar. `ctx`: the program's context. `ref`: a reference's address, followed by an argument
 * `size` that the compiler fills in with the layout's size in bytes (no TypeScript parameter of its own).
 */
export type HelperArgument = 'ctx' | 'u32' | 'i32' | 'u64' | 'ref' | 'size';

export interface HelperRow {
  /** Name in the language. */
  readonly name: string;
  /** Name in the kernel. */
  readonly kernelName: string;
  readonly id: number;
  readonly arguments: readonly HelperArgument[];
  readonly returns: 'u32' | 'u64' | 'i64' | 'void';
  /** First kernel release that has it. */
  readonly since: string;
  readonly gplOnly: boolean;
  /** The kinds of program that may call it; every kind where this is absent. */
  readonly kinds?: readonly ProgramKind[];
  /** It may move packet data: every packet reference is invalid afterwards. */
  readonly invalidatesPacket?: boolean;
  /** It fills the memory that its `ref` argument refers to. */
  readonly writesMemory?: boolean;
  /** It has no effect but its result, so that an unused call may go and equal calls may share. */
  readonly pure?: boolean;
}

const XDP: readonly ProgramKind[] = ['xdp', 'xdpDevmap'];
const CLASSIFIER: readonly ProgramKind[] = ['classifier'];
const CGROUP: readonly ProgramKind[] = ['cgroupSkbIngress', 'cgroupSkbEgress'];
const SKB: readonly ProgramKind[] = ['classifier', 'socketFilter', ...CGROUP];

export const HELPERS: readonly HelperRow[] = [
  {
    name: 'ktimeGetNs',
    kernelName: 'bpf_ktime_get_ns',
    id: 5,
    arguments: [],
    returns: 'u64',
    since: '4.1',
    gplOnly: false,
  },
  {
    name: 'getPrandomU32',
    kernelName: 'bpf_get_prandom_u32',
    id: 7,
    arguments: [],
    returns: 'u32',
    since: '4.1',
    gplOnly: false,
  },
  {
    name: 'getSmpProcessorId',
    kernelName: 'bpf_get_smp_processor_id',
    id: 8,
    arguments: [],
    returns: 'u32',
    since: '4.1',
    gplOnly: false,
  },
  {
    name: 'skbStoreBytes',
    kernelName: 'bpf_skb_store_bytes',
    id: 9,
    arguments: ['ctx', 'u32', 'ref', 'size', 'u64'],
    returns: 'i64',
    since: '4.1',
    gplOnly: false,
    kinds: CLASSIFIER,
    invalidatesPacket: true,
  },
  {
    name: 'l3CsumReplace',
    kernelName: 'bpf_l3_csum_replace',
    id: 10,
    arguments: ['ctx', 'u32', 'u64', 'u64', 'u64'],
    returns: 'i64',
    since: '4.1',
    gplOnly: false,
    kinds: CLASSIFIER,
    invalidatesPacket: true,
  },
  {
    name: 'skbLoadBytes',
    kernelName: 'bpf_skb_load_bytes',
    id: 26,
    arguments: ['ctx', 'u32', 'ref', 'size'],
    returns: 'i64',
    since: '4.5',
    gplOnly: false,
    kinds: SKB,
    writesMemory: true,
  },
  {
    name: 'skbPullData',
    kernelName: 'bpf_skb_pull_data',
    id: 39,
    arguments: ['ctx', 'u32'],
    returns: 'i64',
    since: '4.9',
    gplOnly: false,
    kinds: CLASSIFIER,
    invalidatesPacket: true,
  },
  {
    name: 'skbEcnSetCe',
    kernelName: 'bpf_skb_ecn_set_ce',
    id: 97,
    arguments: ['ctx'],
    returns: 'i64',
    since: '5.1',
    gplOnly: false,
    kinds: [...CLASSIFIER, ...CGROUP],
  },
  {
    name: 'jiffies64',
    kernelName: 'bpf_jiffies64',
    id: 118,
    arguments: [],
    returns: 'u64',
    since: '5.5',
    gplOnly: false,
  },
  {
    name: 'skbSetTstamp',
    kernelName: 'bpf_skb_set_tstamp',
    id: 192,
    arguments: ['ctx', 'u64', 'u32'],
    returns: 'i64',
    since: '5.18',
    gplOnly: false,
    kinds: CLASSIFIER,
  },
  {
    name: 'ktimeGetCoarseNs',
    kernelName: 'bpf_ktime_get_coarse_ns',
    id: 160,
    arguments: [],
    returns: 'u64',
    since: '5.11',
    gplOnly: false,
  },
  {
    name: 'redirect',
    kernelName: 'bpf_redirect',
    id: 23,
    arguments: ['u32', 'u64'],
    returns: 'i64',
    since: '4.4',
    gplOnly: false,
    kinds: [...CLASSIFIER, ...XDP],
  },
  {
    name: 'xdpAdjustHead',
    kernelName: 'bpf_xdp_adjust_head',
    id: 44,
    arguments: ['ctx', 'i32'],
    returns: 'i64',
    since: '4.10',
    gplOnly: false,
    kinds: XDP,
    invalidatesPacket: true,
  },
  {
    name: 'xdpAdjustTail',
    kernelName: 'bpf_xdp_adjust_tail',
    id: 65,
    arguments: ['ctx', 'i32'],
    returns: 'i64',
    since: '4.18',
    gplOnly: false,
    kinds: XDP,
    invalidatesPacket: true,
  },
  {
    name: 'getSocketCookie',
    kernelName: 'bpf_get_socket_cookie',
    id: 46,
    arguments: ['ctx'],
    returns: 'u64',
    since: '4.12',
    gplOnly: false,
    kinds: SKB,
  },
  {
    name: 'skbLoadBytesRelative',
    kernelName: 'bpf_skb_load_bytes_relative',
    id: 68,
    arguments: ['ctx', 'u32', 'ref', 'size', 'u32'],
    returns: 'i64',
    since: '4.18',
    gplOnly: false,
    kinds: SKB,
    writesMemory: true,
  },
];

export const helperByName: ReadonlyMap<string, HelperRow> = new Map(HELPERS.map((row) => [row.name, row]));
export const helperById: ReadonlyMap<number, HelperRow> = new Map(HELPERS.map((row) => [row.id, row]));

/** Whether programs of this kind may call the helper. */
export const isAvailable = (row: HelperRow, kind: ProgramKind): boolean =>
  row.kinds === undefined || row.kinds.includes(kind);

/** Helpers that the language reaches through maps and loops, not by name; arguments as in include/uapi/linux/bpf.h. */
export const MAP_HELPERS = {
  lookup: 1,
  update: 2,
  delete: 3,
  tailCall: 12,
  spinLock: 93,
  spinUnlock: 94,
  ringbufOutput: 130,
  ringbufReserve: 131,
  ringbufSubmit: 132,
  ringbufDiscard: 133,
  ringbufQuery: 134,
  loop: 181,
  lookupPercpu: 195,
} as const;
