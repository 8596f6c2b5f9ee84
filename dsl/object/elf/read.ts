/**
 * Reads BPF ELF objects into images: exactly what `writeElf` wrote, and of clang's objects the programs, maps,
 * sections and relocations. Runs in the CNI executable, so it depends on nothing and does little.
 */

import { readBtfExtension, type SectionInfo } from '../btf/extension.ts';
import { BtfReader } from '../btf/read.ts';
import { StringReader } from '../bytes.ts';
import {
  type GlobalVariable,
  MAP_TYPES,
  type MapImage,
  type MapKind,
  type ObjectImage,
  type SectionImage,
} from '../image.ts';
import { BTF_EXT_SECTION, BTF_SECTION, DATA_SECTIONS, LICENSE_SECTION, MAPS_SECTION } from './format.ts';
import { type ElfFile, parseElf } from './parse.ts';
import { type BtfOfFile, readPrograms } from './programs.ts';

const mapKindById: ReadonlyMap<number, MapKind> = new Map(
  (Object.keys(MAP_TYPES) as MapKind[]).map((kind) => [MAP_TYPES[kind], kind]),
);

/** Bytes of a value that stands for a kernel object. */
const DESCRIPTOR_BYTES = 4;

function readMap(types: BtfReader, name: string, structId: number): MapImage {
  const struct = types.bare(structId);
  const members = new Map(types.members(struct).map((member) => [member.name, member.type]));
  const number = (member: string): number => {
    const type = members.get(member);
    return type === undefined ? 0 : types.number(type);
  };
  const kind = mapKindById.get(number('type'));
  if (kind === undefined)
    throw new Error(`read map ${name}: map type ${number('type')} is not one of the language's`);
  const part = (member: 'key' | 'value') => {
    const type = members.get(member);
    if (type === undefined) return { size: number(`${member}_size`) };
    const pointed = types.pointedBy(type);
    return { size: types.size(pointed), layout: types.layout(pointed) };
  };
  const [key, value] = [part('key'), part('value')];
  const values = members.get('values');
  const inner =
    values !== undefined && (kind === 'arrayOfMaps' || kind === 'hashOfMaps')
      ? readMap(types, `${name}.inner`, types.pointedBy(types.bare(values).extra[0] ?? 0))
      : undefined;
  return {
    name,
    kind,
    keySize: key.size,
    // clang's objects leave it out where it can only be a descriptor's.
    valueSize: inner ? DESCRIPTOR_BYTES : value.size,
    maxEntries: number('max_entries'),
    flags: number('map_flags'),
    ...(key.layout ? { key: key.layout } : {}),
    ...(value.layout ? { value: value.layout } : {}),
    ...(inner ? { inner } : {}),
  };
}

function readMaps(file: ElfFile, btf: BtfOfFile | undefined): readonly MapImage[] {
  const symbols = file.symbols
    .filter((symbol) => symbol.section?.name === MAPS_SECTION && symbol.name !== '')
    .sort((a, b) => a.value - b.value);
  if (symbols.length === 0) return [];
  if (btf === undefined) throw new Error('read .maps: the object has no .BTF to describe its maps');
  const types = new Map(btf.types.variables(MAPS_SECTION).map((variable) => [variable.name, variable.type]));
  return symbols.map(({ name }) => {
    const type = types.get(name);
    if (type === undefined) throw new Error(`read map ${name}: .BTF has no variable of that name`);
    return readMap(btf.types, name, type);
  });
}

/** Variables of struct type; their offsets are the symbols', since clang leaves those of BTF to the linker. */
function readVariables(file: ElfFile, section: string, types: BtfReader): readonly GlobalVariable[] {
  const offsets = new Map(
    file.symbols
      .filter((symbol) => symbol.section?.name === section)
      .map((symbol) => [symbol.name, symbol.value]),
  );
  return types.variables(section).flatMap(({ name, type, offset }) => {
    const layout = types.layout(type);
    return layout?.kind === 'struct' ? [{ name, offset: offsets.get(name) ?? offset, layout }] : [];
  });
}

function readSections(file: ElfFile, btf: BtfOfFile | undefined): readonly SectionImage[] {
  return file.sections.flatMap((section) => {
    const name = DATA_SECTIONS.find((known) => known === section.name);
    if (name === undefined) return [];
    const variables = btf === undefined ? [] : readVariables(file, name, btf.types);
    const initial = section.bytes.some((byte) => byte !== 0) ? new Uint8Array(section.bytes) : undefined;
    return [{ name, variables, size: section.size, ...(initial ? { initial } : {}) }];
  });
}

function readBtf(file: ElfFile): BtfOfFile | undefined {
  const bytesOf = (name: string) => file.sections.find((section) => section.name === name)?.bytes;
  const blob = bytesOf(BTF_SECTION);
  if (blob === undefined) return undefined;
  const types = new BtfReader(blob);
  const extension = bytesOf(BTF_EXT_SECTION);
  const infos = new Map<string, SectionInfo>();
  if (extension !== undefined) {
    for (const info of readBtfExtension(extension).values()) infos.set(types.strings.at(info.name), info);
  }
  return { types, infos };
}

/**
 * The image in an ELF file. `initial` is absent where a section holds only zeros. Throws where the file isn't a BPF object or holds what images can't.
 */
export function readElf(bytes: Uint8Array): ObjectImage {
  const file = parseElf(bytes);
  const btf = readBtf(file);
  const license = file.sections.find((section) => section.name === LICENSE_SECTION);
  return {
    license: license === undefined ? '' : new StringReader(license.bytes).at(0),
    maps: readMaps(file, btf),
    sections: readSections(file, btf),
    programs: readPrograms(file, btf),
  };
}
