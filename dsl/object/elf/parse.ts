/** Takes a relocatable BPF ELF file apart: sections, symbols, relocations. */
import { StringReader, viewOf } from '../bytes.ts';
import {
  EM_BPF,
  ET_REL,
  RELOCATION_BYTES,
  SECTION_HEADER_BYTES,
  SECTION_TYPE,
  SYMBOL_BYTES,
} from './format.ts';

export interface ReadSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  /** Bytes in memory. */
  readonly size: number;
  /** Empty for `nobits`. */
  readonly bytes: Uint8Array;
  readonly info: number;
}

export interface ReadSymbol {
  readonly name: string;
  readonly type: number;
  readonly binding: number;
  /** Undefined for absent, absolute and common symbols. */
  readonly section?: ReadSection;
  readonly value: number;
  readonly size: number;
}

export interface ReadRelocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: ReadSymbol;
}

export interface ElfFile {
  readonly sections: readonly ReadSection[];
  readonly symbols: readonly ReadSymbol[];
  /** By the name of the section that they apply to. */
  readonly relocations: ReadonlyMap<string, readonly ReadRelocation[]>;
}

/** Throws where the file isn't a 64-bit little-endian relocatable BPF object. */
export function parseElf(bytes: Uint8Array): ElfFile {
  const view = viewOf(bytes);
  if (bytes.length < 64 || view.getUint32(0, false) !== 0x7f454c46) {
    throw new Error('read the object: it is not an ELF file');
  }
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new Error('read the object: it is not 64-bit little-endian ELF');
  }
  if (view.getUint16(16, true) !== ET_REL || view.getUint16(18, true) !== EM_BPF) {
    throw new Error('read the object: it is not a relocatable BPF file (ET_REL, EM_BPF)');
  }
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const headersAt = u64(40);
  const count = view.getUint16(60, true);
  const header = (index: number): number => headersAt + index * SECTION_HEADER_BYTES;
  const bytesOf = (index: number): Uint8Array => {
    const at = header(index);
    const [offset, size] = [u64(at + 24), u64(at + 32)];
    if (view.getUint32(at + 4, true) === SECTION_TYPE.nobits) return new Uint8Array();
    if (offset + size > bytes.length)
      throw new Error(`read the object: section ${index} ends beyond the file`);
    return bytes.subarray(offset, offset + size);
  };
  const names = new StringReader(bytesOf(view.getUint16(62, true)));
  const sections = Array.from({ length: count }, (_, index): ReadSection => {
    const at = header(index);
    return {
      index,
      name: names.at(view.getUint32(at, true)),
      type: view.getUint32(at + 4, true),
      size: u64(at + 32),
      bytes: bytesOf(index),
      info: view.getUint32(at + 44, true),
    };
  });

  const symtab = sections.find((section) => section.type === SECTION_TYPE.symtab);
  const symbols: ReadSymbol[] = [];
  if (symtab !== undefined) {
    const symbolNames = new StringReader(bytesOf(view.getUint32(header(symtab.index) + 40, true)));
    const table = viewOf(symtab.bytes);
    for (let at = 0; at < symtab.bytes.length; at += SYMBOL_BYTES) {
      const info = table.getUint8(at + 4);
      const section = sections[table.getUint16(at + 6, true)];
      symbols.push({
        name: symbolNames.at(table.getUint32(at, true)),
        type: info & 0xf,
        binding: info >> 4,
        ...(section && section.index > 0 ? { section } : {}),
        value: Number(table.getBigUint64(at + 8, true)),
        size: Number(table.getBigUint64(at + 16, true)),
      });
    }
  }

  const relocations = new Map<string, readonly ReadRelocation[]>();
  for (const section of sections) {
    const target = sections[section.info];
    if (section.type !== SECTION_TYPE.rel || target === undefined) continue;
    const table = viewOf(section.bytes);
    const list: ReadRelocation[] = [];
    for (let at = 0; at < section.bytes.length; at += RELOCATION_BYTES) {
      const symbol = symbols[table.getUint32(at + 12, true)];
      if (symbol === undefined) throw new Error(`read ${section.name}: a relocation against no symbol`);
      list.push({
        offset: Number(table.getBigUint64(at, true)),
        type: table.getUint32(at + 8, true),
        symbol,
      });
    }
    relocations.set(target.name, list);
  }
  return { sections, symbols, relocations };
}
