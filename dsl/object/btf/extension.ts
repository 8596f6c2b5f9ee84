/** The `.BTF.ext` section: func_info and line_info by ELF section, instruction offsets in bytes. */
import { ByteWriter, viewOf } from '../bytes.ts';
import type { SourceLine } from '../image.ts';
import {
  BTF_EXT_HEADER_BYTES,
  BTF_MAGIC,
  BTF_VERSION,
  FUNCTION_INFO_BYTES,
  LINE_INFO_BYTES,
  MAX_COLUMN,
} from './format.ts';
import type { BtfTypes } from './types.ts';

/** struct bpf_func_info; the offset's unit is the section's user's: bytes in ELF, slots for bpf(2). */
export interface FunctionInfo {
  readonly offset: number;
  readonly type: number;
}

/** struct bpf_line_info with its strings' offsets. */
export interface LineInfo {
  readonly offset: number;
  readonly file: number;
  readonly text: number;
  readonly line: number;
  readonly column: number;
}

export interface SectionInfo {
  /** Offset of the ELF section's name in BTF's strings. */
  readonly name: number;
  readonly functions: readonly FunctionInfo[];
  readonly lines: readonly LineInfo[];
}

/** A line's record at `offset`; the strings go into `types`. Columns beyond 10 bits are held at the largest. */
export function lineInfo(types: BtfTypes, line: SourceLine, offset: number): LineInfo {
  return {
    offset,
    file: types.strings.add(line.file),
    text: types.strings.add(line.text),
    line: line.line,
    column: Math.min(line.column, MAX_COLUMN),
  };
}

export function writeFunctionInfo(out: ByteWriter, info: FunctionInfo): void {
  out.u32(info.offset);
  out.u32(info.type);
}

export function writeLineInfo(out: ByteWriter, info: LineInfo): void {
  out.u32(info.offset);
  out.u32(info.file);
  out.u32(info.text);
  out.u32((info.line << 10) | info.column);
}

function writeInfo<T>(
  sections: readonly SectionInfo[],
  recordBytes: number,
  recordsOf: (section: SectionInfo) => readonly T[],
  write: (out: ByteWriter, record: T) => void,
): Uint8Array {
  const out = new ByteWriter();
  const filled = sections.filter((section) => recordsOf(section).length > 0);
  // An empty part has no record size either (btf_ext_setup_info, tools/lib/bpf/btf.c).
  if (filled.length > 0) out.u32(recordBytes);
  for (const section of filled) {
    const records = recordsOf(section);
    out.u32(section.name);
    out.u32(records.length);
    for (const record of records) write(out, record);
  }
  return out.finish();
}

export function writeBtfExtension(sections: readonly SectionInfo[]): Uint8Array {
  const functions = writeInfo(
    sections,
    FUNCTION_INFO_BYTES,
    (section) => section.functions,
    writeFunctionInfo,
  );
  const lines = writeInfo(sections, LINE_INFO_BYTES, (section) => section.lines, writeLineInfo);
  const out = new ByteWriter();
  out.u16(BTF_MAGIC);
  out.u8(BTF_VERSION);
  out.u8(0);
  out.u32(BTF_EXT_HEADER_BYTES);
  out.u32(0);
  out.u32(functions.length);
  out.u32(functions.length);
  out.u32(lines.length);
  out.u32(functions.length + lines.length);
  out.u32(0);
  out.raw(functions);
  out.raw(lines);
  return out.finish();
}

/** Walks one part; `read` gets each record's place in `bytes`. */
function readInfo(
  bytes: Uint8Array,
  start: number,
  length: number,
  read: (section: number, view: DataView, at: number) => void,
): void {
  if (length === 0) return;
  const view = viewOf(bytes);
  const end = start + length;
  const recordBytes = view.getUint32(start, true);
  let at = start + 4;
  while (at < end) {
    const section = view.getUint32(at, true);
    const count = view.getUint32(at + 4, true);
    at += 8;
    for (let index = 0; index < count; index++, at += recordBytes) read(section, view, at);
  }
}

/** By section name offset. */
export function readBtfExtension(bytes: Uint8Array): ReadonlyMap<number, SectionInfo> {
  const view = viewOf(bytes);
  if (view.getUint16(0, true) !== BTF_MAGIC) throw new Error('read .BTF.ext: its magic number is not 0xeb9f');
  const header = view.getUint32(4, true);
  const sections = new Map<number, { name: number; functions: FunctionInfo[]; lines: LineInfo[] }>();
  const sectionOf = (name: number) => {
    const section = sections.get(name) ?? { name, functions: [], lines: [] };
    sections.set(name, section);
    return section;
  };
  const part = (at: number) => [header + view.getUint32(at, true), view.getUint32(at + 4, true)] as const;
  readInfo(bytes, ...part(8), (section, records, at) => {
    sectionOf(section).functions.push({
      offset: records.getUint32(at, true),
      type: records.getUint32(at + 4, true),
    });
  });
  readInfo(bytes, ...part(16), (section, records, at) => {
    const lineColumn = records.getUint32(at + 12, true);
    sectionOf(section).lines.push({
      offset: records.getUint32(at, true),
      file: records.getUint32(at + 4, true),
      text: records.getUint32(at + 8, true),
      line: lineColumn >>> 10,
      column: lineColumn & MAX_COLUMN,
    });
  });
  return sections;
}
