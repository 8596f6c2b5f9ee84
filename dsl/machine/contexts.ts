/**
 * Program contexts, one row a field: where it lies in the context that the verifier shows a program (struct
 * __sk_buff and struct xdp_md, include/uapi/linux/bpf.h), which kinds of program may read it and which may write it
 * (the *_is_valid_access functions of net/core/filter.c). A kernel test holds the table to the verifier.
 */
import type { ProgramKind } from '../object/image.ts';

export interface ContextField {
  /** Name in the language. */
  readonly name: string;
  /** Name in the kernel. */
  readonly kernelName: string;
  /** Bytes from the start of the context. */
  readonly offset: number;
  /** Bytes of the access. */
  readonly size: 4 | 8;
  /** The type that the language gives it. */
  readonly type: 'u16' | 'u32' | 'u64';
  readonly writable: boolean;
  /** The kernel holds it in network order, in the low 16 bits or in all 32: reading swaps it. */
  readonly network?: 16 | 32;
}

/** How a program reaches the packet's bytes through pointers (may_access_direct_pkt_data, kernel/bpf/verifier.c). */
export interface PacketPointers {
  /** Offsets of the start and end pointers in the context: 32-bit accesses that yield pointers. */
  readonly start: number;
  readonly end: number;
  /** Offset of the pointer to the metadata before the packet, where a program may use it. */
  readonly meta?: number;
  readonly writable: boolean;
}

export interface ResultRange {
  /** Both ends are included. */
  readonly lowest: bigint;
  readonly highest: bigint;
  /** Whether the verifier refuses a program that it can't show to stay within (check_return_code, verifier.c). */
  readonly enforced: boolean;
}

export interface ContextTable {
  /** The struct's name in the kernel. */
  readonly struct: '__sk_buff' | 'xdp_md';
  /** Fields that the language names. */
  readonly fields: readonly ContextField[];
  /** Bytes of the whole context. */
  readonly size: number;
  /** Absent where the packet is reached through helpers alone. */
  readonly data?: PacketPointers;
  /** Where the packet that a program sees starts: at the link-layer header or behind it. */
  readonly layer: 'link' | 'network';
  /** Results that mean something to the kernel. */
  readonly results: ResultRange;
}

type SkbKind = Exclude<ProgramKind, 'xdp' | 'xdpDevmap'>;

/** A field of struct __sk_buff with the kinds that may read it and those that may write it. */
interface SkbRow extends Omit<ContextField, 'writable'> {
  readonly readableBy: readonly SkbKind[];
  readonly writableBy: readonly SkbKind[];
}

const CGROUP: readonly SkbKind[] = ['cgroupSkbIngress', 'cgroupSkbEgress'];
const DIRECT: readonly SkbKind[] = ['classifier', ...CGROUP];
const EVERY: readonly SkbKind[] = ['socketFilter', ...DIRECT];

const row = (
  name: string,
  kernelName: string,
  offset: number,
  readableBy: readonly SkbKind[] = EVERY,
  more: Partial<SkbRow> = {},
): SkbRow => ({ name, kernelName, offset, size: 4, type: 'u32', readableBy, writableBy: [], ...more });

const SKB_FIELDS: readonly SkbRow[] = [
  row('len', 'len', 0),
  row('packetType', 'pkt_type', 4),
  row('mark', 'mark', 8, EVERY, { writableBy: DIRECT }),
  row('protocol', 'protocol', 16, EVERY, { type: 'u16', network: 16 }),
  row('vlanPresent', 'vlan_present', 20),
  row('vlanTci', 'vlan_tci', 24),
  row('vlanProto', 'vlan_proto', 28, EVERY, { type: 'u16', network: 16 }),
  row('priority', 'priority', 32, EVERY, { writableBy: DIRECT }),
  row('ingressIfindex', 'ingress_ifindex', 36),
  row('ifindex', 'ifindex', 40),
  row('hash', 'hash', 68),
  row('tcClassid', 'tc_classid', 72, ['classifier'], { writableBy: ['classifier'] }),
  row('family', 'family', 88, CGROUP),
  row('remoteIp4', 'remote_ip4', 92, CGROUP, { network: 32 }),
  row('localIp4', 'local_ip4', 96, CGROUP, { network: 32 }),
  row('remotePort', 'remote_port', 132, CGROUP, { network: 32 }),
  row('localPort', 'local_port', 136, CGROUP),
  row('tstamp', 'tstamp', 152, DIRECT, { size: 8, type: 'u64', writableBy: DIRECT }),
  row('wireLen', 'wire_len', 160, ['classifier']),
  row('gsoSegs', 'gso_segs', 164),
  row('gsoSize', 'gso_size', 176),
];

function skbTable(kind: SkbKind, rest: Pick<ContextTable, 'layer' | 'results' | 'data'>): ContextTable {
  const fields = SKB_FIELDS.filter(({ readableBy }) => readableBy.includes(kind)).map(
    ({ readableBy: _, writableBy, ...field }): ContextField => ({
      ...field,
      writable: writableBy.includes(kind),
    }),
  );
  return { struct: '__sk_buff', size: 192, fields, ...rest };
}

const ANY_I32 = { lowest: -(1n << 31n), highest: (1n << 31n) - 1n, enforced: false };
const ANY_U32 = { lowest: 0n, highest: (1n << 32n) - 1n, enforced: false };
const SKB_DATA = { start: 76, end: 80 };
const READ_ONLY_DATA = { ...SKB_DATA, writable: false };

const xdpField = (name: string, kernelName: string, offset: number): ContextField => ({
  name,
  kernelName,
  offset,
  size: 4,
  type: 'u32',
  writable: false,
});

const XDP: ContextTable = {
  struct: 'xdp_md',
  size: 24,
  data: { start: 0, end: 4, meta: 8, writable: true },
  layer: 'link',
  // XDP_ABORTED to XDP_REDIRECT; anything else is dropped with a warning (bpf_warn_invalid_xdp_action).
  results: { lowest: 0n, highest: 4n, enforced: false },
  fields: [xdpField('ingressIfindex', 'ingress_ifindex', 12), xdpField('rxQueueIndex', 'rx_queue_index', 16)],
};

export const CONTEXTS: Readonly<Record<ProgramKind, ContextTable>> = {
  // tc takes any number: what it doesn't know means TC_ACT_UNSPEC (tcf_classify, net/sched/cls_api.c).
  classifier: skbTable('classifier', {
    layer: 'link',
    results: ANY_I32,
    data: { ...SKB_DATA, meta: 140, writable: true },
  }),
  xdp: XDP,
  // The device that the packet leaves by is known to the programs of a device map alone (xdp_is_valid_access).
  xdpDevmap: { ...XDP, fields: [...XDP.fields, xdpField('egressIfindex', 'egress_ifindex', 20)] },
  // Bytes of the packet that the socket keeps.
  socketFilter: skbTable('socketFilter', { layer: 'network', results: ANY_U32 }),
  cgroupSkbIngress: skbTable('cgroupSkbIngress', {
    layer: 'network',
    results: { lowest: 0n, highest: 1n, enforced: true },
    data: READ_ONLY_DATA,
  }),
  cgroupSkbEgress: skbTable('cgroupSkbEgress', {
    layer: 'network',
    results: { lowest: 0n, highest: 3n, enforced: true },
    data: READ_ONLY_DATA,
  }),
};

/** The field of that name in a kind's context, if programs of the kind can read it. */
export function contextField(kind: ProgramKind, name: string): ContextField | undefined {
  return CONTEXTS[kind].fields.find((field) => field.name === name);
}
