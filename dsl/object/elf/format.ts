/** ELF64 for BPF: the System V gABI's constants and the relocations of Documentation/bpf/llvm_reloc.rst. */
import type { SectionImage } from '../image.ts';

export const ELF_HEADER_BYTES = 64;
export const SECTION_HEADER_BYTES = 64;
export const SYMBOL_BYTES = 24;
export const RELOCATION_BYTES = 16;

export const ET_REL = 1;
export const EM_BPF = 247;

export const SECTION_TYPE = { null: 0, progbits: 1, symtab: 2, strtab: 3, nobits: 8, rel: 9 } as const;
export const SECTION_FLAG = { write: 1, alloc: 2, executable: 4, infoLink: 0x40 } as const;

export const BINDING = { local: 0, global: 1 } as const;
export const SYMBOL_TYPE = { none: 0, object: 1, function: 2, section: 3 } as const;

/** R_BPF_64_64 patches an LDDW, R_BPF_64_ABS64 an address in data, R_BPF_64_32 a call. */
export const RELOCATION = { lddw: 1, address: 2, call: 10 } as const;

/** Where libbpf wants BPF subprograms (bpf_object__reloc_code). */
export const SUBPROGRAM_SECTION = '.text';
export const MAPS_SECTION = '.maps';
export const LICENSE_SECTION = 'license';
export const BTF_SECTION = '.BTF';
export const BTF_EXT_SECTION = '.BTF.ext';

export const DATA_SECTIONS: readonly SectionImage['name'][] = ['.rodata', '.data', '.bss'];

export function dataSectionNamed(name: string): SectionImage['name'] | undefined {
  return DATA_SECTIONS.find((section) => section === name);
}
