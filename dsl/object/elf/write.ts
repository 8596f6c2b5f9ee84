/**
 * Writes an object image as the ELF file that libbpf, bpftool, tc and llvm-objdump read: programs in sections
 * named by their type, BPF subprograms in `.text`, BTF-defined maps.
 */
import { type LineInfo, lineInfo, type SectionInfo, writeBtfExtension } from '../btf/extension.ts';
import { type DescribedImage, describeImage, functionsOf, mapStructBytes } from '../btf/write.ts';
import {
  type FunctionImage,
  type ObjectImage,
  PROGRAM_TYPES,
  type ProgramImage,
  type SectionImage,
  type SourceLine,
} from '../image.ts';
import { CALL, decode, encodeAt, LDDW, OPCODE_CALL, OPCODE_LDDW, SLOT_BYTES } from '../instruction.ts';
import { debugSections } from './dwarf.ts';
import { assembleElf, type ElfRelocation, type ElfSection, type ElfSymbol } from './file.ts';
import {
  BINDING,
  BTF_EXT_SECTION,
  BTF_SECTION,
  LICENSE_SECTION,
  MAPS_SECTION,
  RELOCATION,
  SECTION_FLAG,
  SECTION_TYPE,
  SUBPROGRAM_SECTION,
  SYMBOL_TYPE,
} from './format.ts';

/** A section of instructions that grows function by function. */
class CodeSection {
  readonly name: string;
  readonly chunks: Uint8Array[] = [];
  readonly relocations: ElfRelocation[] = [];
  readonly functions: { offset: number; type: number }[] = [];
  readonly lines: LineInfo[] = [];
  readonly sourceLines: { readonly offset: number; readonly line: SourceLine }[] = [];
  size = 0;

  constructor(name: string) {
    this.name = name;
  }

  finish(): ElfSection {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return {
      name: this.name,
      type: SECTION_TYPE.progbits,
      flags: SECTION_FLAG.alloc | SECTION_FLAG.executable,
      alignment: SLOT_BYTES,
      size: this.size,
      bytes,
      relocations: this.relocations,
    };
  }
}

interface Symbols {
  readonly sections: ReadonlyMap<string, ElfSymbol>;
  readonly maps: ReadonlyMap<string, ElfSymbol>;
}

/** Adds the slots from `from` to `to` of a program to a section, with what hangs on them. */
function appendCode(
  into: CodeSection,
  program: ProgramImage,
  part: {
    readonly from: number;
    readonly to: number;
    readonly subprogramsFrom: number;
    readonly textBase: number;
  },
  described: DescribedImage,
  symbols: Symbols,
): void {
  const base = into.size;
  const code = new Uint8Array(program.code.subarray(part.from * SLOT_BYTES, part.to * SLOT_BYTES));
  const place = (slot: number): number => base + (slot - part.from) * SLOT_BYTES;
  const inside = (slot: number): boolean => slot >= part.from && slot < part.to;

  for (const { slot, target } of program.relocations) {
    if (!inside(slot)) continue;
    const symbol = target.kind === 'map' ? symbols.maps.get(target.name) : symbols.sections.get(target.name);
    if (symbol === undefined) {
      throw new Error(
        `write program ${program.name}: slot ${slot} refers to ${target.name}, which isn't in the object`,
      );
    }
    const local = slot - part.from;
    const lddw = decode(code, local);
    if (lddw.opcode !== OPCODE_LDDW) {
      throw new Error(`write program ${program.name}: the relocation at slot ${slot} isn't at an LDDW`);
    }
    encodeAt(code, local, { ...lddw, src: 0, imm: target.kind === 'section' ? target.offset : 0 });
    encodeAt(code, local + 1, { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0 });
    into.relocations.push({ offset: place(slot), symbol, type: RELOCATION.lddw });
  }

  const text = symbols.sections.get(SUBPROGRAM_SECTION);
  for (let slot = part.from; text !== undefined && slot < part.to; slot++) {
    const lddw = decode(program.code, slot);
    if (lddw.opcode !== OPCODE_LDDW) continue;
    if (lddw.src === LDDW.code) {
      const target = (slot + lddw.imm + 1 - part.subprogramsFrom + part.textBase) * SLOT_BYTES;
      encodeAt(code, slot - part.from, { ...lddw, src: 0, imm: target });
      into.relocations.push({ offset: place(slot), symbol: text, type: RELOCATION.lddw });
    }
    slot++;
  }

  // Only calls from the entry function cross into `.text`; among subprograms the distances stay.
  if (part.from === 0 && text !== undefined) {
    for (let slot = 0; slot < part.to; slot++) {
      const call = decode(code, slot);
      if (call.opcode === OPCODE_LDDW) slot++;
      if (call.opcode !== OPCODE_CALL || call.src !== CALL.local) continue;
      const target = slot + call.imm + 1;
      if (target < part.subprogramsFrom) continue;
      encodeAt(code, slot, { ...call, imm: part.textBase + target - part.subprogramsFrom - 1 });
      into.relocations.push({ offset: place(slot), symbol: text, type: RELOCATION.call });
    }
  }
  into.relocations.sort((a, b) => a.offset - b.offset);

  const ids = described.functions.get(program.name) ?? [];
  functionsOf(program).forEach((fn, index) => {
    if (inside(fn.slot)) into.functions.push({ offset: place(fn.slot), type: ids[index] ?? 0 });
  });
  for (const line of program.lines) {
    if (!inside(line.slot)) continue;
    into.lines.push(lineInfo(described.types, line, place(line.slot)));
    into.sourceLines.push({ offset: place(line.slot), line });
  }
  into.chunks.push(code);
  into.size += code.length;
}

const sectionSymbol = (section: string): ElfSymbol => ({
  name: '',
  type: SYMBOL_TYPE.section,
  binding: BINDING.local,
  section,
  value: 0,
  size: 0,
});

function dataSection(section: SectionImage): ElfSection {
  const { name, size, initial } = section;
  if (initial !== undefined && initial.length !== size) {
    throw new Error(`write section ${name}: it has ${size} bytes and ${initial.length} initial ones`);
  }
  if (name === '.bss' && initial?.some((byte) => byte !== 0)) {
    throw new Error(
      'write section .bss: its initial bytes must be zero; initialised globals belong in .data',
    );
  }
  const zeroes = name === '.bss';
  return {
    name,
    type: zeroes ? SECTION_TYPE.nobits : SECTION_TYPE.progbits,
    flags: SECTION_FLAG.alloc | (name === '.rodata' ? 0 : SECTION_FLAG.write),
    alignment: SLOT_BYTES,
    size,
    bytes: zeroes ? new Uint8Array() : (initial ?? new Uint8Array(size)),
    relocations: [],
  };
}

const plainSection = (name: string, flags: number, alignment: number, bytes: Uint8Array): ElfSection => ({
  name,
  type: SECTION_TYPE.progbits,
  flags,
  alignment,
  size: bytes.length,
  bytes,
  relocations: [],
});

function dataSymbols(image: ObjectImage): readonly ElfSymbol[] {
  let mapOffset = 0;
  const maps = image.maps.map((map) => {
    const size = mapStructBytes(map);
    mapOffset += size;
    return { name: map.name, section: MAPS_SECTION, value: mapOffset - size, size };
  });
  const variables = image.sections.flatMap((section) =>
    section.variables.map((variable) => ({
      name: variable.name,
      section: section.name as string,
      value: variable.offset,
      size: variable.layout.size,
    })),
  );
  const license = { name: '_license', section: LICENSE_SECTION, value: 0, size: image.license.length + 1 };
  return [...maps, ...variables, license].map((symbol) => ({
    ...symbol,
    type: SYMBOL_TYPE.object,
    binding: BINDING.global,
  }));
}

/**
 * An ELF file for the image. A relocated LDDW has no `src` in the file, and the offset within a data section is in
 * its first immediate, as clang has it.
 */
export function writeElf(image: ObjectImage): Uint8Array {
  const described = describeImage(image, { forKernel: false });
  const text = new CodeSection(SUBPROGRAM_SECTION);
  const codeSections = new Map<string, CodeSection>();
  const data = dataSymbols(image);
  const symbols: Symbols = {
    sections: new Map(
      [SUBPROGRAM_SECTION, ...image.sections.map((section) => section.name)].map((name) => [
        name,
        sectionSymbol(name),
      ]),
    ),
    maps: new Map(
      data.filter((symbol) => symbol.section === MAPS_SECTION).map((symbol) => [symbol.name, symbol]),
    ),
  };
  const functions: ElfSymbol[] = [];
  const addFunctions = (
    section: string,
    base: number,
    binding: number,
    program: ProgramImage,
    members: readonly FunctionImage[],
    end: number,
  ): void => {
    members.forEach((fn, index) => {
      const next = members[index + 1]?.slot ?? end;
      functions.push({
        name: binding === BINDING.global ? program.name : fn.name,
        type: SYMBOL_TYPE.function,
        binding,
        section,
        value: base + (fn.slot - (members[0]?.slot ?? 0)) * SLOT_BYTES,
        size: (next - fn.slot) * SLOT_BYTES,
      });
    });
  };

  for (const program of image.programs) {
    const [entry, ...subprograms] = functionsOf(program);
    if (entry === undefined || entry.slot !== 0) {
      throw new Error(`write program ${program.name}: its first function doesn't start at slot 0`);
    }
    const slots = program.code.length / SLOT_BYTES;
    const subprogramsFrom = subprograms[0]?.slot ?? slots;
    const sectionName = PROGRAM_TYPES[program.kind].section;
    const section = codeSections.get(sectionName) ?? new CodeSection(sectionName);
    codeSections.set(sectionName, section);
    const parts = { subprogramsFrom, textBase: text.size / SLOT_BYTES };
    addFunctions(sectionName, section.size, BINDING.global, program, [entry], subprogramsFrom);
    appendCode(section, program, { from: 0, to: subprogramsFrom, ...parts }, described, symbols);
    addFunctions(SUBPROGRAM_SECTION, text.size, BINDING.local, program, subprograms, slots);
    if (subprograms.length > 0) {
      appendCode(text, program, { from: subprogramsFrom, to: slots, ...parts }, described, symbols);
    }
  }

  const code = [...(text.size > 0 ? [text] : []), ...codeSections.values()];
  const infos: SectionInfo[] = code.map(({ name, functions, lines }) => ({
    name: described.types.strings.add(name),
    functions,
    lines,
  }));
  const mapBytes = image.maps.reduce((sum, map) => sum + mapStructBytes(map), 0);
  const license = new TextEncoder().encode(`${image.license}\0`);
  const extension = writeBtfExtension(infos);
  const codeSymbols = new Map(
    code.map(({ name }) => [name, symbols.sections.get(name) ?? sectionSymbol(name)]),
  );
  const debug = debugSections(
    code.flatMap(({ name, size, sourceLines: lines }) => {
      const symbol = codeSymbols.get(name);
      return symbol === undefined ? [] : [{ symbol, size, lines }];
    }),
  );
  const sections: ElfSection[] = [
    ...code.map((section) => section.finish()),
    plainSection(LICENSE_SECTION, SECTION_FLAG.alloc | SECTION_FLAG.write, 1, license),
    ...(mapBytes > 0
      ? [plainSection(MAPS_SECTION, SECTION_FLAG.alloc | SECTION_FLAG.write, 8, new Uint8Array(mapBytes))]
      : []),
    ...image.sections.map(dataSection),
    plainSection(BTF_SECTION, 0, 4, described.types.finish()),
    plainSection(BTF_EXT_SECTION, 0, 4, extension),
    ...debug,
  ];
  const sectionSymbols = [...new Set([...symbols.sections.values(), ...codeSymbols.values()])].filter(
    (symbol) => sections.some((section) => section.name === symbol.section),
  );
  return assembleElf(sections, [...sectionSymbols, ...functions, ...data]);
}
