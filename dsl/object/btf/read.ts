/** Reads a `.BTF` section: types by number, and layouts, map definitions and variables out of them. */
import { StringReader, viewOf } from '../bytes.ts';
import { type Layout, type StructField, type StructLayout, sizeOf } from '../layout.ts';
import { BTF_MAGIC, extraWords, INT_SIGNED, KIND } from './format.ts';
import { BIG_ENDIAN_PREFIX, naturalAlignment, PACKED_TAG, type TypeId } from './types.ts';

export interface BtfType {
  readonly kind: number;
  readonly vlen: number;
  readonly name: string;
  /** Bytes, or the number of the type that this one refers to. */
  readonly sizeOrType: number;
  readonly extra: readonly number[];
}

const QUALIFIERS: readonly number[] = [KIND.typedef, KIND.volatile, KIND.const, KIND.restrict, KIND.typeTag];

export class BtfReader {
  readonly strings: StringReader;
  /** Index 0 is void. */
  readonly types: readonly BtfType[];
  readonly #packed = new Set<TypeId>();
  readonly #layouts = new Map<TypeId, Layout | undefined>();

  constructor(bytes: Uint8Array) {
    const view = viewOf(bytes);
    if (bytes.length < 24 || view.getUint16(0, true) !== BTF_MAGIC) {
      throw new Error('read .BTF: its magic number is not 0xeb9f');
    }
    const header = view.getUint32(4, true);
    const typesStart = header + view.getUint32(8, true);
    const typesEnd = typesStart + view.getUint32(12, true);
    const stringsStart = header + view.getUint32(16, true);
    this.strings = new StringReader(bytes.subarray(stringsStart, stringsStart + view.getUint32(20, true)));
    const types: BtfType[] = [{ kind: 0, vlen: 0, name: '', sizeOrType: 0, extra: [] }];
    for (let at = typesStart; at < typesEnd; ) {
      const info = view.getUint32(at + 4, true);
      const kind = (info >>> 24) & 0x1f;
      const vlen = info & 0xffff;
      const extra: number[] = [];
      const words = extraWords(kind, vlen);
      for (let word = 0; word < words; word++) extra.push(view.getUint32(at + 12 + word * 4, true));
      const name = this.strings.at(view.getUint32(at, true));
      const sizeOrType = view.getUint32(at + 8, true);
      if (kind === KIND.declarationTag && name === PACKED_TAG) this.#packed.add(sizeOrType);
      types.push({ kind, vlen, name, sizeOrType, extra });
      at += 12 + words * 4;
    }
    this.types = types;
  }

  type(id: TypeId): BtfType {
    const type = this.types[id];
    if (type === undefined) throw new Error(`read .BTF: there is no type ${id}`);
    return type;
  }

  /** The type below typedefs and qualifiers. */
  bare(id: TypeId): BtfType {
    const type = this.type(id);
    return QUALIFIERS.includes(type.kind) ? this.bare(type.sizeOrType) : type;
  }

  /** The layout that a type describes; undefined for what layouts can't say (unions, pointers, bit fields). */
  layout(id: TypeId): Layout | undefined {
    if (!this.#layouts.has(id)) this.#layouts.set(id, this.#readLayout(id));
    return this.#layouts.get(id);
  }

  #readLayout(id: TypeId): Layout | undefined {
    const type = this.type(id);
    switch (type.kind) {
      case KIND.int: {
        const bits = type.sizeOrType * 8;
        const encoding = type.extra[0] ?? 0;
        if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64) return undefined;
        if ((encoding & 0xffffff) !== bits) return undefined;
        return { kind: 'int', bits, signed: ((encoding >>> 24) & INT_SIGNED) !== 0, order: 'little' };
      }
      case KIND.array: {
        const element = this.layout(type.extra[0] ?? 0);
        return element && { kind: 'array', element, length: type.extra[2] ?? 0 };
      }
      case KIND.struct:
        return this.#readStruct(id, type);
      case KIND.typedef: {
        const layout = this.layout(type.sizeOrType);
        return layout?.kind === 'int' && type.name.startsWith(BIG_ENDIAN_PREFIX)
          ? { ...layout, order: 'big' }
          : layout;
      }
      default:
        return QUALIFIERS.includes(type.kind) ? this.layout(type.sizeOrType) : undefined;
    }
  }

  #readStruct(id: TypeId, type: BtfType): StructLayout | undefined {
    const fields: StructField[] = [];
    for (const member of this.members(type)) {
      const layout = this.layout(member.type);
      if (layout === undefined || member.bits % 8 !== 0) return undefined;
      fields.push({ name: member.name, offset: member.bits / 8, layout });
    }
    const size = type.sizeOrType;
    const alignment = this.#packed.has(id) ? 1 : naturalAlignment(fields, size);
    return { kind: 'struct', name: type.name, size, alignment, fields };
  }

  /** A struct's members; `bits` is the offset with a bit field's width in its upper byte. */
  members(struct: BtfType): readonly { name: string; type: TypeId; bits: number }[] {
    return Array.from({ length: struct.vlen }, (_, index) => ({
      name: this.strings.at(struct.extra[index * 3] ?? 0),
      type: struct.extra[index * 3 + 1] ?? 0,
      bits: struct.extra[index * 3 + 2] ?? 0,
    }));
  }

  /** What a pointer points to. */
  pointedBy(id: TypeId): TypeId {
    return this.bare(id).sizeOrType;
  }

  /** The number that a `.maps` member holds: the length of the array it points to. */
  number(id: TypeId): number {
    const array = this.bare(this.bare(id).sizeOrType);
    return array.extra[2] ?? 0;
  }

  /** Bytes of a type, whether or not it has a layout. */
  size(id: TypeId): number {
    const layout = this.layout(id);
    if (layout !== undefined) return sizeOf(layout);
    const type = this.bare(id);
    if (type.kind === KIND.pointer) return 8;
    if (type.kind === KIND.array) return this.size(type.extra[0] ?? 0) * (type.extra[2] ?? 0);
    return type.sizeOrType;
  }

  /** The variables of a DATASEC by its name; absent sections have none. */
  variables(section: string): readonly { name: string; type: TypeId; offset: number }[] {
    const found = this.types.find((type) => type.kind === KIND.dataSection && type.name === section);
    if (found === undefined) return [];
    return Array.from({ length: found.vlen }, (_, index) => {
      const variable = this.type(found.extra[index * 3] ?? 0);
      return { name: variable.name, type: variable.sizeOrType, offset: found.extra[index * 3 + 1] ?? 0 };
    });
  }

  /** A FUNC's name and its parameters' names. */
  function(id: TypeId): { readonly name: string; readonly parameters: readonly string[] } {
    const fn = this.type(id);
    const prototype = this.type(fn.sizeOrType);
    return {
      name: fn.name,
      parameters: Array.from({ length: prototype.vlen }, (_, index) =>
        this.strings.at(prototype.extra[index * 2] ?? 0),
      ),
    };
  }
}
