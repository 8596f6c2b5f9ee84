/** What every map with keys and values in memory can do, for programs and for user space. */
import type { MapImage } from '../object/image.ts';

/** Update flags (include/uapi/linux/bpf.h). */
export const UPDATE = { any: 0n, noExist: 1n, exist: 2n } as const;

export interface MapEntry {
  readonly key: Uint8Array;
  /** Views of the value's memory: one a CPU for per-CPU kinds, else one. */
  readonly values: readonly Uint8Array[];
}

/** A map with keys and values in memory. `cpu` matters for per-CPU kinds only. */
export interface ValueMap {
  readonly image: MapImage;
  /** Copies of a value: the machine's CPUs for per-CPU kinds, else 1. */
  readonly copies: number;
  /**
   * The value's memory, or `undefined`. For as long as the entry lives the same object comes back, so its
   * identity names the value. Memory of a removed entry stays readable, as under RCU.
   */
  lookup(key: Uint8Array, cpu?: number): Uint8Array | undefined;
  /** 0 or a negative errno. */
  update(key: Uint8Array, value: Uint8Array, flags?: bigint, cpu?: number): number;
  /** 0 or a negative errno. */
  delete(key: Uint8Array): number;
  /** User space: every entry; doesn't count as use for LRU kinds. */
  entries(): Iterable<MapEntry>;
  /** User space: writes the value for every CPU (`values[cpu]`; one for maps that aren't per-CPU). 0 or -errno. */
  write(key: Uint8Array, values: readonly Uint8Array[], flags?: bigint): number;
}
