/** Programs out of an ELF file: each entry function with the subprograms of `.text` that it reaches. */
import type { FunctionInfo, LineInfo, SectionInfo } from '../btf/extension.ts';
import type { BtfReader } from '../btf/read.ts';
import type { FunctionImage, ProgramImage, ProgramKind, Relocation, SourceLine } from '../image.ts';
import { CALL, decode, encodeAt, LDDW, OPCODE_CALL, OPCODE_LDDW, SLOT_BYTES } from '../instruction.ts';
import {
  BINDING,
  dataSectionNamed,
  MAPS_SECTION,
  RELOCATION,
  SUBPROGRAM_SECTION,
  SYMBOL_TYPE,
} from './format.ts';
import type { ElfFile, ReadRelocation, ReadSection, ReadSymbol } from './parse.ts';

export interface BtfOfFile {
  readonly types: BtfReader;
  /** func_info and line_info by ELF section name. */
  readonly infos: ReadonlyMap<string, SectionInfo>;
}

/** Section names of each kind of program, libbpf's older ones among them; what follows a `/` may be missing here. */
const SECTIONS: Readonly<Record<string, ProgramKind>> = {
  tc: 'classifier',
  tcx: 'classifier',
  classifier: 'classifier',
  xdp: 'xdp',
  'xdp/devmap': 'xdpDevmap',
  socket: 'socketFilter',
  'cgroup_skb/ingress': 'cgroupSkbIngress',
  'cgroup_skb/egress': 'cgroupSkbEgress',
};

const kindOfSection = (section: string): ProgramKind | undefined =>
  SECTIONS[section] ?? SECTIONS[section.split('/')[0] ?? ''];

/** A function where it lies in the file. */
interface Placed {
  readonly name: string;
  readonly section: ReadSection;
  /** Bytes within the section. */
  readonly start: number;
  readonly end: number;
}

interface Call {
  /** Bytes within the section. */
  readonly at: number;
  readonly target: Placed;
}

class ProgramReader {
  readonly #btf: BtfOfFile | undefined;
  readonly #subprograms: readonly Placed[];
  readonly #relocations = new Map<string, ReadonlyMap<number, ReadRelocation>>();
  readonly #functionInfos = new Map<string, ReadonlyMap<number, FunctionInfo>>();

  constructor(file: ElfFile, btf: BtfOfFile | undefined) {
    this.#btf = btf;
    this.#subprograms = file.symbols
      .filter((symbol) => symbol.type === SYMBOL_TYPE.function && symbol.section?.name === SUBPROGRAM_SECTION)
      .flatMap(placed)
      .sort((a, b) => a.start - b.start);
    for (const [section, list] of file.relocations) {
      this.#relocations.set(section, new Map(list.map((relocation) => [relocation.offset, relocation])));
    }
    for (const [section, info] of btf?.infos ?? []) {
      this.#functionInfos.set(section, new Map(info.functions.map((fn) => [fn.offset, fn])));
    }
  }

  #relocationAt(section: string, offset: number): ReadRelocation | undefined {
    return this.#relocations.get(section)?.get(offset);
  }

  /** The subprogram whose address an LDDW takes, for a helper that calls it back; undefined for any other LDDW. */
  #callback(fn: Placed, at: number): Placed | undefined {
    const symbol = this.#relocationAt(fn.section.name, at)?.symbol;
    if (symbol?.section?.name !== SUBPROGRAM_SECTION) return undefined;
    const start = symbol.value + decode(fn.section.bytes, at / SLOT_BYTES).imm;
    return this.#subprograms.find((subprogram) => subprogram.start === start);
  }

  /** Calls of BPF subprograms in a function, and where it takes the address of one. */
  #calls(fn: Placed): readonly Call[] {
    const calls: Call[] = [];
    for (let at = fn.start; at < fn.end; at += SLOT_BYTES) {
      const opcode = fn.section.bytes[at];
      if (opcode === OPCODE_LDDW) {
        const target = this.#callback(fn, at);
        if (target !== undefined) calls.push({ at, target });
        at += SLOT_BYTES;
      }
      if (opcode !== OPCODE_CALL) continue;
      const instruction = decode(fn.section.bytes, at / SLOT_BYTES);
      if (instruction.src !== CALL.local) continue;
      const relocation = this.#relocationAt(fn.section.name, at);
      if (relocation === undefined && fn.section.name !== SUBPROGRAM_SECTION) continue;
      const from = relocation?.symbol.type === SYMBOL_TYPE.section ? 0 : (relocation?.symbol.value ?? at);
      // A call through a function's own symbol has -1 for an immediate; through the section, the slot before its target.
      const offset = from + (instruction.imm + 1) * SLOT_BYTES;
      const target = this.#subprograms.find((subprogram) => subprogram.start === offset);
      if (target === undefined)
        throw new Error(`read ${fn.name}: it calls offset ${offset} of .text, where no function is`);
      calls.push({ at, target });
    }
    return calls;
  }

  /** The subprograms that a function reaches, in the order of `.text`. */
  #reachable(entry: Placed): readonly Placed[] {
    const reached = new Set<Placed>();
    const visit = (fn: Placed): void => {
      for (const { target } of this.#calls(fn)) {
        if (reached.has(target)) continue;
        reached.add(target);
        visit(target);
      }
    };
    visit(entry);
    return [...reached].sort((a, b) => a.start - b.start);
  }

  read(symbol: ReadSymbol, entry: Placed, kind: ProgramKind): ProgramImage {
    const members = [entry, ...this.#reachable(entry)];
    const slotOf = new Map<Placed, number>();
    let slots = 0;
    for (const fn of members) {
      slotOf.set(fn, slots);
      slots += (fn.end - fn.start) / SLOT_BYTES;
    }
    const code = new Uint8Array(slots * SLOT_BYTES);
    const relocations: Relocation[] = [];
    const functions: FunctionImage[] = [];
    const lines: SourceLine[] = [];
    for (const fn of members) {
      const base = slotOf.get(fn) ?? 0;
      code.set(fn.section.bytes.subarray(fn.start, fn.end), base * SLOT_BYTES);
      const slotAt = (offset: number): number => base + (offset - fn.start) / SLOT_BYTES;
      for (const { at, target } of this.#calls(fn)) {
        const slot = slotAt(at);
        const reference = decode(code, slot);
        const src = reference.opcode === OPCODE_LDDW ? LDDW.code : reference.src;
        encodeAt(code, slot, { ...reference, src, imm: (slotOf.get(target) ?? 0) - slot - 1 });
      }
      relocations.push(...this.#takeRelocations(fn, code, slotAt));
      functions.push(this.#functionImage(fn, base));
      lines.push(...this.#lines(fn, slotAt));
    }
    return { name: symbol.name, kind, code, relocations, functions, lines };
  }

  #takeRelocations(fn: Placed, code: Uint8Array, slotAt: (offset: number) => number): readonly Relocation[] {
    const taken: Relocation[] = [];
    for (const { offset, type, symbol } of this.#relocations.get(fn.section.name)?.values() ?? []) {
      if (type !== RELOCATION.lddw || offset < fn.start || offset >= fn.end) continue;
      if (symbol.section?.name === SUBPROGRAM_SECTION) continue;
      const slot = slotAt(offset);
      const lddw = decode(code, slot);
      const target = this.#target(fn, slot, symbol, lddw.imm);
      const [src, high] = target.kind === 'map' ? [LDDW.mapFd, 0] : [LDDW.mapValue, target.offset];
      encodeAt(code, slot, { ...lddw, src, imm: 0 });
      encodeAt(code, slot + 1, { opcode: 0, dst: 0, src: 0, offset: 0, imm: high });
      taken.push({ slot, target });
    }
    return taken;
  }

  /** `addend`: what the LDDW's first immediate held. */
  #target(fn: Placed, slot: number, symbol: ReadSymbol, addend: number): Relocation['target'] {
    const section = symbol.section?.name ?? '';
    if (section === MAPS_SECTION) return { kind: 'map', name: symbol.name };
    const name = dataSectionNamed(section);
    if (name !== undefined) return { kind: 'section', name, offset: symbol.value + addend };
    throw new Error(
      `read ${fn.name}: slot ${slot} refers to ${symbol.name || section}, which is no map or data section`,
    );
  }

  #functionImage(fn: Placed, slot: number): FunctionImage {
    const info = this.#functionInfos.get(fn.section.name)?.get(fn.start);
    if (info === undefined || this.#btf === undefined) return { name: fn.name, slot, parameters: [] };
    const { name, parameters } = this.#btf.types.function(info.type);
    return { name, slot, parameters };
  }

  #lines(fn: Placed, slotAt: (offset: number) => number): readonly SourceLine[] {
    const strings = this.#btf?.types.strings;
    if (strings === undefined) return [];
    const inside = ({ offset }: LineInfo): boolean => offset >= fn.start && offset < fn.end;
    return (this.#btf?.infos.get(fn.section.name)?.lines ?? []).filter(inside).map((line) => ({
      slot: slotAt(line.offset),
      file: strings.at(line.file),
      line: line.line,
      column: line.column,
      text: strings.at(line.text),
    }));
  }
}

function placed(symbol: ReadSymbol): readonly Placed[] {
  const { name, section, value: start, size } = symbol;
  return section === undefined ? [] : [{ name, section, start, end: start + size }];
}

/** Every global function outside `.text`, in the order of the symbol table. */
export function readPrograms(file: ElfFile, btf: BtfOfFile | undefined): readonly ProgramImage[] {
  const reader = new ProgramReader(file, btf);
  return file.symbols.flatMap((symbol) => {
    if (symbol.type !== SYMBOL_TYPE.function || symbol.binding !== BINDING.global) return [];
    return placed(symbol).flatMap((entry) => {
      const section = entry.section.name;
      if (section === SUBPROGRAM_SECTION) return [];
      const kind = kindOfSection(section);
      if (kind === undefined) {
        throw new Error(
          `read program ${symbol.name}: section ${section} is of no program type of the language`,
        );
      }
      return [reader.read(symbol, entry, kind)];
    });
  });
}
