/**
 * A BTF type section under construction. A type is encoded from its parts up, so equal types have equal words
 * and are kept once.
 */
import { ByteWriter, StringTable } from '../bytes.ts';
import { alignmentOf, type IntLayout, type Layout, type StructLayout } from '../layout.ts';
import { BTF_HEADER_BYTES, BTF_MAGIC, BTF_VERSION, INT_SIGNED, KIND, LINKAGE } from './format.ts';

/** A type's number; 0 is void. */
export type TypeId = number;

/** C's names, so that `bpftool btf dump format c` prints code that compiles. */
const INT_NAMES: Readonly<Record<IntLayout['bits'], readonly [unsigned: string, signed: string]>> = {
  8: ['unsigned char', 'signed char'],
  16: ['unsigned short', 'short'],
  32: ['unsigned int', 'int'],
  64: ['unsigned long long', 'long long'],
};

/** The declaration tag of a packed struct that looks naturally aligned: BTF itself has no alignment. */
export const PACKED_TAG = 'packed';
export const BIG_ENDIAN_PREFIX = '__be';

/** Whether a struct's fields and size would allow natural alignment, and which that is. */
export function naturalAlignment(fields: StructLayout['fields'], size: number): number {
  const alignment = Math.max(1, ...fields.map((field) => alignmentOf(field.layout)));
  const natural = fields.every((field) => field.offset % alignmentOf(field.layout) === 0);
  return natural && size % alignment === 0 ? alignment : 1;
}

export interface TypesOptions {
  /** For the kernel's ears: names of C identifiers only, no declaration tags (Linux 5.16). */
  readonly forKernel: boolean;
}

export class BtfTypes {
  readonly strings = new StringTable();
  readonly #options: TypesOptions;
  readonly #ids = new Map<string, TypeId>();
  readonly #types: (readonly number[])[] = [];

  constructor(options: TypesOptions) {
    this.#options = options;
  }

  /** The kernel takes C identifiers (btf_name_valid_identifier); TypeScript's may hold `$` and Unicode. */
  #name(name: string): number {
    return this.strings.add(this.#options.forKernel ? name.replace(/[^A-Za-z0-9_.]/gu, '_') : name);
  }

  /** `distinguish` keeps apart what has equal words but isn't the same type. */
  #add(
    name: number,
    kind: number,
    vlen: number,
    sizeOrType: number,
    extra: readonly number[] = [],
    distinguish = '',
  ): TypeId {
    const words = [name, (kind << 24) | vlen, sizeOrType, ...extra];
    const key = words.join() + distinguish;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#types.push(words);
    this.#ids.set(key, id);
    return id;
  }

  int(bits: IntLayout['bits'], signed: boolean): TypeId {
    const encoding = signed ? INT_SIGNED : 0;
    const name = this.strings.add(INT_NAMES[bits][signed ? 1 : 0]);
    return this.#add(name, KIND.int, 0, bits / 8, [(encoding << 24) | bits]);
  }

  pointer(to: TypeId): TypeId {
    return this.#add(0, KIND.pointer, 0, to);
  }

  array(element: TypeId, length: number): TypeId {
    return this.#add(0, KIND.array, 0, 0, [element, this.int(32, true), length]);
  }

  /** Members with their offsets in bytes. `packed`: laid out without regard to alignment, though it looks aligned. */
  struct(
    name: string,
    size: number,
    members: readonly { readonly name: string; readonly type: TypeId; readonly offset: number }[],
    packed = false,
  ): TypeId {
    const extra = members.flatMap((member) => [this.#name(member.name), member.type, member.offset * 8]);
    const struct = this.#add(
      this.#name(name),
      KIND.struct,
      members.length,
      size,
      extra,
      packed ? PACKED_TAG : '',
    );
    if (packed && !this.#options.forKernel) {
      this.#add(this.strings.add(PACKED_TAG), KIND.declarationTag, 0, struct, [0xffffffff]);
    }
    return struct;
  }

  /** A function whose parameters all have names, and its prototype. */
  function(
    name: string,
    returns: TypeId,
    parameters: readonly { readonly name: string; readonly type: TypeId }[],
    linkage: number,
  ): TypeId {
    const extra = parameters.flatMap((parameter) => [this.#name(parameter.name), parameter.type]);
    const prototype = this.#add(0, KIND.functionPrototype, parameters.length, returns, extra);
    return this.#add(this.#name(name), KIND.function, linkage, prototype);
  }

  variable(name: string, type: TypeId): TypeId {
    return this.#add(this.#name(name), KIND.variable, 0, type, [LINKAGE.global]);
  }

  /** Variables with their offsets and sizes in bytes; they are put in order of offset, as the kernel wants them. */
  dataSection(
    name: string,
    size: number,
    variables: readonly { readonly type: TypeId; readonly offset: number; readonly size: number }[],
  ): TypeId {
    const ordered = [...variables].sort((a, b) => a.offset - b.offset);
    const extra = ordered.flatMap((variable) => [variable.type, variable.offset, variable.size]);
    return this.#add(this.strings.add(name), KIND.dataSection, variables.length, size, extra);
  }

  layout(layout: Layout): TypeId {
    switch (layout.kind) {
      case 'int': {
        const int = this.int(layout.bits, layout.signed);
        if (layout.order === 'little') return int;
        return this.#add(this.strings.add(`${BIG_ENDIAN_PREFIX}${layout.bits}`), KIND.typedef, 0, int);
      }
      case 'array':
        return this.array(this.layout(layout.element), layout.length);
      case 'struct': {
        const members = layout.fields.map((field) => ({
          name: field.name,
          offset: field.offset,
          type: this.layout(field.layout),
        }));
        const packed = layout.alignment === 1 && naturalAlignment(layout.fields, layout.size) !== 1;
        return this.struct(layout.name, layout.size, members, packed);
      }
    }
  }

  /** A pointer to `int[value]`: how a `.maps` member holds a number. */
  number(value: number): TypeId {
    return this.pointer(this.array(this.int(32, true), value));
  }

  /** The `.BTF` section. No strings can be added afterwards. */
  finish(): Uint8Array {
    const strings = this.strings.finish();
    const typeBytes = this.#types.reduce((sum, words) => sum + words.length * 4, 0);
    const out = new ByteWriter();
    out.u16(BTF_MAGIC);
    out.u8(BTF_VERSION);
    out.u8(0);
    out.u32(BTF_HEADER_BYTES);
    out.u32(0);
    out.u32(typeBytes);
    out.u32(typeBytes);
    out.u32(strings.length);
    for (const words of this.#types) for (const word of words) out.u32(word);
    out.raw(strings);
    return out.finish();
  }
}
