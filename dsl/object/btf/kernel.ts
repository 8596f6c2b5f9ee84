/** BTF as bpf(2) takes it: BPF_BTF_LOAD's blob, and the records of BPF_PROG_LOAD. */
import { ByteWriter } from '../bytes.ts';
import type { MapKind, ObjectImage } from '../image.ts';
import { lineInfo, writeFunctionInfo, writeLineInfo } from './extension.ts';
import { FUNCTION_INFO_BYTES, LINE_INFO_BYTES } from './format.ts';
import type { TypeId } from './types.ts';
import { describeImage, functionsOf } from './write.ts';

/** Map types whose creation takes a BTF key and value (map_check_btf of struct bpf_map_ops). */
const TYPED_MAPS: ReadonlySet<MapKind> = new Set<MapKind>([
  'hash',
  'array',
  'percpuHash',
  'percpuArray',
  'lruHash',
  'lruPercpuHash',
  'lpmTrie',
]);

export interface InfoRecords {
  /** Records in a row, ready to point `func_info` or `line_info` at; instruction offsets in slots. */
  readonly records: Uint8Array;
  readonly recordSize: number;
  readonly count: number;
}

/** The records of a program that has no source lines. */
export const NO_LINES: InfoRecords = { records: new Uint8Array(0), recordSize: LINE_INFO_BYTES, count: 0 };

export interface KernelBtf {
  /** For BPF_BTF_LOAD. */
  readonly blob: Uint8Array;
  /** `btf_key_type_id` and `btf_value_type_id` of the maps that may be created with them. */
  readonly maps: ReadonlyMap<string, { readonly key: TypeId; readonly value: TypeId }>;
  /** `btf_value_type_id` of the data sections' maps; their key type is 0. */
  readonly sections: ReadonlyMap<string, TypeId>;
  /** By program name. */
  readonly programs: ReadonlyMap<string, { readonly functions: InfoRecords; readonly lines: InfoRecords }>;
}

/** The image's BTF without anything that the kernel rejects. */
export function btfForKernel(image: ObjectImage): KernelBtf {
  const described = describeImage(image, { forKernel: true });
  const programs = new Map<string, { functions: InfoRecords; lines: InfoRecords }>();
  for (const program of image.programs) {
    const functions = new ByteWriter();
    const ids = described.functions.get(program.name) ?? [];
    functionsOf(program).forEach((fn, index) => {
      writeFunctionInfo(functions, { offset: fn.slot, type: ids[index] ?? 0 });
    });
    const lines = new ByteWriter();
    for (const line of program.lines) writeLineInfo(lines, lineInfo(described.types, line, line.slot));
    programs.set(program.name, {
      functions: { records: functions.finish(), recordSize: FUNCTION_INFO_BYTES, count: ids.length },
      lines: { records: lines.finish(), recordSize: LINE_INFO_BYTES, count: program.lines.length },
    });
  }
  const all = image.maps.flatMap((map) => (map.inner ? [map, map.inner] : [map]));
  const kinds = new Map(all.map((map) => [map.name, map.kind]));
  const maps = new Map(
    [...described.maps].filter(([name]) => {
      const kind = kinds.get(name);
      return kind !== undefined && TYPED_MAPS.has(kind);
    }),
  );
  return { blob: described.types.finish(), maps, sections: described.sections, programs };
}
