/**
 * A compiled object before it is a file: what the compiler produces, what the ELF writer writes and the ELF
 * reader gives back, what the loader loads and the VM runs.
 */
import type { Layout, StructLayout } from './layout.ts';

/** Map kinds of the language with their kernel ids (include/uapi/linux/bpf.h, enum bpf_map_type). */
export const MAP_TYPES = {
  hash: 1,
  array: 2,
  programArray: 3,
  percpuHash: 5,
  percpuArray: 6,
  lruHash: 9,
  lruPercpuHash: 10,
  lpmTrie: 11,
  arrayOfMaps: 12,
  hashOfMaps: 13,
  ringBuffer: 27,
} as const;
export type MapKind = keyof typeof MAP_TYPES;

/** What the kernel and libbpf call a kind of program. */
export interface ProgramType {
  /** enum bpf_prog_type. */
  readonly id: number;
  /** The ELF section that makes libbpf load it as this kind (section_defs, tools/lib/bpf/libbpf.c). */
  readonly section: string;
  /** enum bpf_attach_type; what the verifier allows depends on it, so that it is told at load. */
  readonly attachType?: number;
}

/** Kinds of program: a type, and the attach type where that makes a difference to what a program may do. */
export const PROGRAM_TYPES = {
  socketFilter: { id: 1, section: 'socket' },
  classifier: { id: 3, section: 'tc' },
  xdp: { id: 6, section: 'xdp', attachType: 37 },
  xdpDevmap: { id: 6, section: 'xdp/devmap', attachType: 33 },
  cgroupSkbIngress: { id: 8, section: 'cgroup_skb/ingress', attachType: 0 },
  cgroupSkbEgress: { id: 8, section: 'cgroup_skb/egress', attachType: 1 },
} as const satisfies Readonly<Record<string, ProgramType>>;
export type ProgramKind = keyof typeof PROGRAM_TYPES;

export interface MapImage {
  readonly name: string;
  readonly kind: MapKind;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of map creation. */
  readonly flags: number;
  /** Layouts for BTF; absent for maps without a typed key or value (ring buffers). */
  readonly key?: Layout;
  readonly value?: Layout;
  /** What the maps that a map of maps holds are like: their kinds and sizes must be these. */
  readonly inner?: MapImage;
}

/**
 * A data section: an array map with one entry whose value holds every global of that section.
 * `.rodata` holds the settings; the loader fills them in and freezes the map before the program loads.
 */
export interface SectionImage {
  readonly name: '.rodata' | '.data' | '.bss';
  readonly variables: readonly GlobalVariable[];
  /** Bytes of the whole section. */
  readonly size: number;
  /** Initial contents, `size` bytes; absent means zeros. */
  readonly initial?: Uint8Array;
}

export interface GlobalVariable {
  readonly name: string;
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly layout: StructLayout;
}

/**
 * An LDDW whose immediate the loader fills in. `map`: the map's descriptor (BPF_PSEUDO_MAP_FD).
 * `section`: the address of the data section's value plus `offset` bytes (BPF_PSEUDO_MAP_VALUE).
 * In an image `src` says which of the two it is, the first immediate is 0, and the second is `offset` or 0.
 */
export interface Relocation {
  /** Slot of the LDDW's first half. */
  readonly slot: number;
  readonly target:
    | { readonly kind: 'map'; readonly name: string }
    | { readonly kind: 'section'; readonly name: SectionImage['name']; readonly offset: number };
}

export interface SourceLine {
  /** First slot of the instructions that this line made. Strictly increasing within a program. */
  readonly slot: number;
  /** Path as it should be shown, relative to the project where possible. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The text of the source line. */
  readonly text: string;
}

/** What an instruction's result is in the source. */
export interface ValueName {
  /** Slot of the instruction. */
  readonly slot: number;
  /** The variable that takes the result, or the expression that gave it, as it is written. */
  readonly text: string;
  readonly variable: boolean;
}

/** A function inside a program: the entry at slot 0, then each BPF subprogram. */
export interface FunctionImage {
  readonly name: string;
  readonly slot: number;
  readonly parameters: readonly string[];
}

export interface ProgramImage {
  readonly name: string;
  readonly kind: ProgramKind;
  /** Instruction slots of 8 bytes, subprograms appended after the entry function. */
  readonly code: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly functions: readonly FunctionImage[];
  readonly lines: readonly SourceLine[];
  /** For explaining the verifier's words: by slot, ascending. The compiler gives them; object files don't hold them. */
  readonly names?: readonly ValueName[];
}

export interface ObjectImage {
  /** GPL-compatible licence string, as `license` section: some helpers require it. */
  readonly license: string;
  readonly maps: readonly MapImage[];
  readonly sections: readonly SectionImage[];
  readonly programs: readonly ProgramImage[];
}
