/**
 * The line table in DWARF 5 (sections 3.1, 6.2 and 7.28 of the standard), for tools that don't read `.BTF.ext`: llvm-objdump
 * before LLVM 17, debuggers, addr2line. The sources lie in it as far as code comes from their lines (DW_LNCT_LLVM_source),
 * so that `llvm-objdump -S` shows TypeScript wherever the object is.
 */
import { ByteWriter } from '../bytes.ts';
import type { SourceLine } from '../image.ts';
import { SLOT_BYTES } from '../instruction.ts';
import type { ElfRelocation, ElfSection, ElfSymbol } from './file.ts';
import { RELOCATION, SECTION_TYPE } from './format.ts';

const VERSION = 5;
const ADDRESS_BYTES = 8;

const TAG_COMPILE_UNIT = 0x11;
const UNIT_COMPILE = 0x01;
const ATTRIBUTE = { lowPc: 0x01, name: 0x03, lineTable: 0x10, producer: 0x25, ranges: 0x55 } as const;
const FORM = { address: 0x01, string: 0x08, number: 0x0f, sectionOffset: 0x17 } as const;
const CONTENT = { path: 0x1, directory: 0x2, source: 0x2001 } as const;
const RANGE = { end: 0x00, startLength: 0x07 } as const;
const LINE = { copy: 1, advanceAddress: 2, advanceLine: 3, setFile: 4, setColumn: 5 } as const;
const LINE_EXTENDED = { endSequence: 1, setAddress: 2 } as const;
/** How many operands each of the standard opcodes of a line program takes, from 1 on. */
const OPERANDS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1] as const;

/** A section of instructions, and the lines that they come from. */
export interface CodeLines {
  /** The symbol of the section. */
  readonly symbol: ElfSymbol;
  /** Bytes. */
  readonly size: number;
  /** In the order of their places, which are bytes from the section's start. */
  readonly lines: readonly { readonly offset: number; readonly line: SourceLine }[];
}

/** A debug section under construction. */
class DebugSection {
  readonly out = new ByteWriter();
  private readonly relocations: ElfRelocation[] = [];

  /** LEB128. */
  unsigned(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.out.u8((rest & 0x7f) | 0x80);
    this.out.u8(rest);
  }

  /** LEB128 in two's complement. */
  signed(value: number): void {
    let rest = value;
    for (; rest < -0x40 || rest > 0x3f; rest >>= 7) this.out.u8((rest & 0x7f) | 0x80);
    this.out.u8(rest & 0x7f);
  }

  text(value: string): void {
    this.out.raw(new TextEncoder().encode(`${value}\0`));
  }

  /** The start of a section of instructions. */
  address(symbol: ElfSymbol): void {
    this.relocations.push({ offset: this.out.length, symbol, type: RELOCATION.address });
    this.out.u64(0);
  }

  /** What `write` adds, behind its length. */
  measured(write: (inner: DebugSection) => void): void {
    const inner = new DebugSection();
    write(inner);
    const bytes = inner.out.finish();
    this.out.u32(bytes.length);
    const base = this.out.length;
    this.out.raw(bytes);
    for (const each of inner.relocations) this.relocations.push({ ...each, offset: base + each.offset });
  }

  finish(name: string): ElfSection {
    const bytes = this.out.finish();
    const { relocations } = this;
    return {
      name,
      type: SECTION_TYPE.progbits,
      flags: 0,
      alignment: 1,
      size: bytes.length,
      bytes,
      relocations,
    };
  }
}

function abbreviations(): ElfSection {
  const section = new DebugSection();
  const attributes = [
    [ATTRIBUTE.producer, FORM.string],
    [ATTRIBUTE.name, FORM.string],
    [ATTRIBUTE.lineTable, FORM.sectionOffset],
    [ATTRIBUTE.lowPc, FORM.address],
    [ATTRIBUTE.ranges, FORM.sectionOffset],
  ];
  // Number 1, without children; a pair of zeros ends it, another zero the table.
  for (const value of [1, TAG_COMPILE_UNIT, 0, ...attributes.flat(), 0, 0, 0]) section.unsigned(value);
  return section.finish('.debug_abbrev');
}

/** Where the only list of ranges begins: behind the header. */
const RANGES_AT = 12;

function information(name: string): ElfSection {
  const section = new DebugSection();
  section.measured((inner) => {
    const { out } = inner;
    out.u16(VERSION);
    out.u8(UNIT_COMPILE);
    out.u8(ADDRESS_BYTES);
    // The abbreviations begin at 0, and so does the line table below.
    out.u32(0);
    inner.unsigned(1);
    inner.text('natra');
    inner.text(name);
    out.u32(0);
    out.u64(0);
    out.u32(RANGES_AT);
  });
  return section.finish('.debug_info');
}

function ranges(code: readonly CodeLines[]): ElfSection {
  const section = new DebugSection();
  section.measured((inner) => {
    const { out } = inner;
    out.u16(VERSION);
    out.u8(ADDRESS_BYTES);
    out.u8(0);
    out.u32(0);
    for (const { symbol, size } of code) {
      out.u8(RANGE.startLength);
      inner.address(symbol);
      inner.unsigned(size);
    }
    out.u8(RANGE.end);
  });
  return section.finish('.debug_rnglists');
}

/** A file as far as it is known: the lines that code comes from, and empty ones between them. */
function knownText(file: string, lines: readonly SourceLine[]): string {
  const text: string[] = [];
  for (const line of lines) if (line.file === file) text[line.line - 1] = line.text;
  return Array.from(text, (line) => line ?? '').join('\n');
}

function lineProgram(
  section: DebugSection,
  { symbol, size, lines }: CodeLines,
  files: readonly string[],
): void {
  const { out } = section;
  const extended = (opcode: number, bytes: number): void => {
    out.u8(0);
    section.unsigned(1 + bytes);
    out.u8(opcode);
  };
  const advance = (bytes: number): void => {
    out.u8(LINE.advanceAddress);
    section.unsigned(bytes / SLOT_BYTES);
  };
  extended(LINE_EXTENDED.setAddress, ADDRESS_BYTES);
  section.address(symbol);
  let [at, line] = [0, 1];
  for (const { offset, line: next } of lines) {
    advance(offset - at);
    out.u8(LINE.setFile);
    section.unsigned(files.indexOf(next.file));
    out.u8(LINE.setColumn);
    section.unsigned(next.column);
    out.u8(LINE.advanceLine);
    section.signed(next.line - line);
    out.u8(LINE.copy);
    [at, line] = [offset, next.line];
  }
  advance(size - at);
  extended(LINE_EXTENDED.endSequence, 0);
}

function lineTable(code: readonly CodeLines[]): ElfSection {
  const all = code.flatMap(({ lines }) => lines.map(({ line }) => line));
  const files = [...new Set(all.map(({ file }) => file))];
  const section = new DebugSection();
  section.measured((inner) => {
    inner.out.u16(VERSION);
    inner.out.u8(ADDRESS_BYTES);
    inner.out.u8(0);
    inner.measured((header) => {
      const { out } = header;
      // One operation an instruction, each a statement; no special opcodes, though the standard wants them described.
      for (const byte of [SLOT_BYTES, 1, 1, 0, 1, OPERANDS.length + 1, ...OPERANDS]) out.u8(byte);
      out.u8(1);
      for (const value of [CONTENT.path, FORM.string, 1]) header.unsigned(value);
      header.text('.');
      out.u8(3);
      for (const value of [
        CONTENT.path,
        FORM.string,
        CONTENT.directory,
        FORM.number,
        CONTENT.source,
        FORM.string,
      ])
        header.unsigned(value);
      header.unsigned(files.length);
      for (const file of files) {
        header.text(file);
        header.unsigned(0);
        header.text(knownText(file, all));
      }
    });
    for (const each of code) lineProgram(inner, each, files);
  });
  return section.finish('.debug_line');
}

/** The sections that say from which line each instruction comes; none where no line is known. */
export function debugSections(code: readonly CodeLines[]): readonly ElfSection[] {
  const known = code.filter(({ lines }) => lines.length > 0);
  const name = known.at(-1)?.lines[0]?.line.file;
  return name === undefined ? [] : [abbreviations(), information(name), ranges(known), lineTable(known)];
}
