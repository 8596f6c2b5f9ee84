/**
 * Program contexts, one row a field: where it lies in the context that the verifier shows a program
 * (struct __sk_buff, include/uapi/linux/bpf.h) and whether a program may write it.
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
  /** The kernel holds a 16-bit network-order value in these 32 bits: reading swaps it. */
  readonly networkOrder16?: boolean;
}

export interface ContextTable {
  /** Fields that the language names. */
  readonly fields: readonly ContextField[];
  /** Bytes of the whole context. */
  readonly size: number;
  /** Offsets of the packet's start and end pointers (32-bit accesses that yield pointers), if it has any. */
  readonly data?: { readonly start: number; readonly end: number };
}

const u32 = (name: string, kernelName: string, offset: number, writable = false): ContextField => ({
  name,
  kernelName,
  offset,
  size: 4,
  type: 'u32',
  writable,
});
const network16 = (name: string, kernelName: string, offset: number): ContextField => ({
  name,
  kernelName,
  offset,
  size: 4,
  type: 'u16',
  writable: false,
  networkOrder16: true,
});

/** struct __sk_buff as BPF_PROG_TYPE_SCHED_CLS may use it (tc_cls_act_is_valid_access, net/core/filter.c). */
const SKB: ContextTable = {
  size: 192,
  data: { start: 76, end: 80 },
  fields: [
    u32('len', 'len', 0),
    u32('mark', 'mark', 8, true),
    network16('protocol', 'protocol', 16),
    u32('vlanPresent', 'vlan_present', 20),
    u32('vlanTci', 'vlan_tci', 24),
    network16('vlanProto', 'vlan_proto', 28),
    u32('priority', 'priority', 32, true),
    u32('ifindex', 'ifindex', 40),
    u32('hash', 'hash', 68),
    u32('tcClassid', 'tc_classid', 72, true),
    { name: 'tstamp', kernelName: 'tstamp', offset: 152, size: 8, type: 'u64', writable: true },
    u32('wireLen', 'wire_len', 160),
    u32('gsoSegs', 'gso_segs', 164),
    u32('gsoSize', 'gso_size', 176),
  ],
};

export const CONTEXTS: Readonly<Partial<Record<ProgramKind, ContextTable>>> = { classifier: SKB };
