/** Puts sections, symbols and relocations together as a relocatable ELF file. */
import { ByteWriter, StringTable } from '../bytes.ts';
import {
  BINDING,
  ELF_HEADER_BYTES,
  EM_BPF,
  ET_REL,
  RELOCATION_BYTES,
  SECTION_FLAG,
  SECTION_HEADER_BYTES,
  SECTION_TYPE,
  SYMBOL_BYTES,
} from './format.ts';

export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes of alignment. */
  readonly alignment: number;
  /** In memory; with `nobits` there are no bytes in the file. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly relocations: readonly ElfRelocation[];
}

export interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  readonly binding: number;
  /** The name of its section. */
  readonly section: string;
  readonly value: number;
  readonly size: number;
}

export interface ElfRelocation {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly symbol: ElfSymbol;
  readonly type: number;
}

interface Placed {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly alignment: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

const NULL_SECTION: Placed = {
  name: '',
  type: SECTION_TYPE.null,
  flags: 0,
  alignment: 0,
  size: 0,
  bytes: new Uint8Array(),
  link: 0,
  info: 0,
  entrySize: 0,
};

function writeSymbols(
  symbols: readonly ElfSymbol[],
  names: StringTable,
  sectionIndex: (name: string) => number,
): Uint8Array {
  const out = new ByteWriter();
  out.raw(new Uint8Array(SYMBOL_BYTES));
  for (const symbol of symbols) {
    out.u32(names.add(symbol.name));
    out.u8((symbol.binding << 4) | symbol.type);
    out.u8(0);
    out.u16(sectionIndex(symbol.section));
    out.u64(symbol.value);
    out.u64(symbol.size);
  }
  return out.finish();
}

function writeRelocations(
  relocations: readonly ElfRelocation[],
  symbolIndex: ReadonlyMap<ElfSymbol, number>,
): Uint8Array {
  const out = new ByteWriter();
  for (const relocation of relocations) {
    out.u64(relocation.offset);
    out.u32(relocation.type);
    out.u32(symbolIndex.get(relocation.symbol) ?? 0);
  }
  return out.finish();
}

/** Local symbols go before global ones, as the gABI demands; otherwise the order given stays. */
export function assembleElf(sections: readonly ElfSection[], symbols: readonly ElfSymbol[]): Uint8Array {
  const names = new StringTable();
  const relocated = sections.filter((section) => section.relocations.length > 0);
  const symtabIndex = 1 + sections.length + relocated.length;
  const sectionIndex = (name: string): number => {
    const index = sections.findIndex((section) => section.name === name);
    if (index < 0) throw new Error(`write the object: no section ${name} for a symbol in it`);
    return index + 1;
  };
  const local = symbols.filter((symbol) => symbol.binding === BINDING.local);
  const ordered = [...local, ...symbols.filter((symbol) => symbol.binding !== BINDING.local)];
  const symbolIndex = new Map(ordered.map((symbol, index) => [symbol, index + 1]));
  const symbolBytes = writeSymbols(ordered, names, sectionIndex);

  const placed: Placed[] = [
    NULL_SECTION,
    ...sections.map((section) => ({ ...section, link: 0, info: 0, entrySize: 0 })),
    ...relocated.map((section) => {
      const bytes = writeRelocations(section.relocations, symbolIndex);
      return {
        name: `.rel${section.name}`,
        type: SECTION_TYPE.rel,
        flags: SECTION_FLAG.infoLink,
        alignment: 8,
        size: bytes.length,
        bytes,
        link: symtabIndex,
        info: sectionIndex(section.name),
        entrySize: RELOCATION_BYTES,
      };
    }),
    {
      name: '.symtab',
      type: SECTION_TYPE.symtab,
      flags: 0,
      alignment: 8,
      size: symbolBytes.length,
      bytes: symbolBytes,
      link: symtabIndex + 1,
      info: local.length + 1,
      entrySize: SYMBOL_BYTES,
    },
  ];
  const nameOffsets = [...placed.map((section) => section.name), '.strtab'].map((name) => names.add(name));
  const strings = names.finish();
  placed.push({
    ...NULL_SECTION,
    name: '.strtab',
    type: SECTION_TYPE.strtab,
    alignment: 1,
    size: strings.length,
    bytes: strings,
  });

  const body = new ByteWriter();
  body.raw(new Uint8Array(ELF_HEADER_BYTES));
  const offsets = placed.map((section) => {
    if (section.type === SECTION_TYPE.null) return 0;
    body.align(Math.max(1, section.alignment));
    const offset = body.length;
    body.raw(section.bytes);
    return offset;
  });
  body.align(8);
  const headersAt = body.length;
  placed.forEach((section, index) => {
    body.u32(nameOffsets[index] ?? 0);
    body.u32(section.type);
    body.u64(section.flags);
    body.u64(0);
    body.u64(offsets[index] ?? 0);
    body.u64(section.size);
    body.u32(section.link);
    body.u32(section.info);
    body.u64(section.alignment);
    body.u64(section.entrySize);
  });
  const file = body.finish();
  file.set(elfHeader(headersAt, placed.length));
  return file;
}

function elfHeader(sectionHeaders: number, sectionCount: number): Uint8Array {
  const out = new ByteWriter();
  // Magic, 64-bit, little-endian, version 1, System V ABI.
  out.raw(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  out.u16(ET_REL);
  out.u16(EM_BPF);
  out.u32(1);
  out.u64(0);
  out.u64(0);
  out.u64(sectionHeaders);
  out.u32(0);
  out.u16(ELF_HEADER_BYTES);
  out.u16(0);
  out.u16(0);
  out.u16(SECTION_HEADER_BYTES);
  out.u16(sectionCount);
  out.u16(sectionCount - 1);
  return out.finish();
}
