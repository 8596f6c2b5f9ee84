/**
 * Memory layouts: how a value of the language lies in memory. Shared by the language, the object file
 * (BTF is written from it) and the loader (settings and counters are read and written by it).
 */

export interface IntLayout {
  readonly kind: 'int';
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
  /** Byte order in memory: `big` for network fields, `little` (the host's) for all else. */
  readonly order: 'little' | 'big';
}

export interface ArrayLayout {
  readonly kind: 'array';
  readonly element: Layout;
  readonly length: number;
}

export interface StructField {
  readonly name: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  readonly layout: Layout;
}

export interface StructLayout {
  readonly kind: 'struct';
  readonly name: string;
  /** Bytes, trailing padding included. */
  readonly size: number;
  /** Bytes. */
  readonly alignment: number;
  readonly fields: readonly StructField[];
}

export type Layout = IntLayout | ArrayLayout | StructLayout;

/** Size in bytes. */
export function sizeOf(layout: Layout): number {
  switch (layout.kind) {
    case 'int':
      return layout.bits / 8;
    case 'array':
      return sizeOf(layout.element) * layout.length;
    case 'struct':
      return layout.size;
  }
}

/** Natural alignment in bytes, as the C ABI for x86-64 and arm64 has it. */
export function alignmentOf(layout: Layout): number {
  switch (layout.kind) {
    case 'int':
      return layout.bits / 8;
    case 'array':
      return alignmentOf(layout.element);
    case 'struct':
      return layout.alignment;
  }
}

const alignUp = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;

/** The parts of a struct or an array, an array's named by their indices. */
export function membersOf(layout: StructLayout | ArrayLayout): readonly StructField[] {
  if (layout.kind === 'struct') return layout.fields;
  const { element, length } = layout;
  const bytes = sizeOf(element);
  return Array.from({ length }, (_, index) => ({
    name: String(index),
    offset: index * bytes,
    layout: element,
  }));
}

/** Lays fields out in order with natural alignment, or without any padding when `packed`. */
export function layoutStruct(
  name: string,
  members: readonly { readonly name: string; readonly layout: Layout }[],
  packed = false,
): StructLayout {
  let offset = 0;
  let alignment = 1;
  const fields = members.map((member) => {
    const own = packed ? 1 : alignmentOf(member.layout);
    alignment = Math.max(alignment, own);
    offset = alignUp(offset, own);
    const field = { name: member.name, offset, layout: member.layout };
    offset += sizeOf(member.layout);
    return field;
  });
  return { kind: 'struct', name, size: alignUp(offset, alignment), alignment, fields };
}
