/** The BPF Type Format: constants of include/uapi/linux/btf.h and Documentation/bpf/btf.rst. */

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;
/** struct btf_header. */
export const BTF_HEADER_BYTES = 24;
/** struct btf_ext_header of libbpf, with its CO-RE part. */
export const BTF_EXT_HEADER_BYTES = 32;

export const KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  functionPrototype: 13,
  variable: 14,
  dataSection: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** The first byte of an INT's extra word. */
export const INT_SIGNED = 1;

export const LINKAGE = { static: 0, global: 1 } as const;

/** `struct bpf_func_info` and `struct bpf_line_info`, bytes. */
export const FUNCTION_INFO_BYTES = 8;
export const LINE_INFO_BYTES = 16;

/** Largest column that `line_col` holds (10 bits). */
export const MAX_COLUMN = 1023;

/** Words of 4 bytes after the common three of a type, by kind. */
export function extraWords(kind: number, vlen: number): number {
  switch (kind) {
    case KIND.int:
    case KIND.variable:
    case KIND.declarationTag:
      return 1;
    case KIND.array:
      return 3;
    case KIND.struct:
    case KIND.union:
    case KIND.dataSection:
    case KIND.enum64:
      return 3 * vlen;
    case KIND.enum:
    case KIND.functionPrototype:
      return 2 * vlen;
    default:
      return 0;
  }
}
