/** BTF for an object image: its maps, data sections and functions. */
import {
  type FunctionImage,
  MAP_TYPES,
  type MapImage,
  type ObjectImage,
  type ProgramImage,
} from '../image.ts';
import { sizeOf } from '../layout.ts';
import { LINKAGE } from './format.ts';
import { BtfTypes, type TypeId } from './types.ts';

/** The struct that the verifier's context has for each program type. */
const CONTEXT_STRUCTS: Readonly<Record<ProgramImage['kind'], string>> = {
  classifier: '__sk_buff',
  socketFilter: '__sk_buff',
  cgroupSkbIngress: '__sk_buff',
  cgroupSkbEgress: '__sk_buff',
  xdp: 'xdp_md',
  xdpDevmap: 'xdp_md',
};

/** A program's functions; the entry function stands alone where the image names none. */
export function functionsOf(program: ProgramImage): readonly FunctionImage[] {
  return program.functions.length > 0 ? program.functions : [{ name: program.name, slot: 0, parameters: [] }];
}

export interface DescribedImage {
  readonly types: BtfTypes;
  /** Key and value types of the maps that have layouts. */
  readonly maps: ReadonlyMap<string, { readonly key: TypeId; readonly value: TypeId }>;
  /** DATASEC of every data section that isn't empty. */
  readonly sections: ReadonlyMap<string, TypeId>;
  /** By program: the FUNC of each of `functionsOf`, in the same order. */
  readonly functions: ReadonlyMap<string, readonly TypeId[]>;
}

export const MAP_STRUCT_MEMBER_BYTES = 8;

/** Members one after the other, each a pointer. */
const placed = (members: readonly { readonly name: string; readonly type: TypeId }[]) =>
  members.map((member, index) => ({ ...member, offset: index * MAP_STRUCT_MEMBER_BYTES }));

/** The members of a map's struct in `.maps`, as libbpf reads them (parse_btf_map_def, tools/lib/bpf/libbpf.c). */
function mapMembers(types: BtfTypes, map: MapImage): readonly { name: string; type: TypeId }[] {
  const members = [
    { name: 'type', type: types.number(MAP_TYPES[map.kind]) },
    { name: 'max_entries', type: types.number(map.maxEntries) },
    { name: 'map_flags', type: types.number(map.flags) },
  ];
  for (const part of ['key', 'value'] as const) {
    const layout = map[part];
    const size = part === 'key' ? map.keySize : map.valueSize;
    if (layout !== undefined) {
      if (sizeOf(layout) !== size) {
        throw new Error(`map ${map.name}: its ${part} has ${size} bytes but its layout ${sizeOf(layout)}`);
      }
      members.push({ name: part, type: types.pointer(types.layout(layout)) });
    } else if (size > 0) {
      members.push({ name: `${part}_size`, type: types.number(size) });
    }
  }
  if (map.inner) {
    // `__array(values, struct { ... })`: a flexible array of pointers to what an inner map is like.
    const inner = types.struct('', mapStructBytes(map.inner), placed(mapMembers(types, map.inner)));
    members.push({ name: 'values', type: types.array(types.pointer(inner), 0) });
  }
  return members;
}

/** Bytes of a map's struct in `.maps`. */
export function mapStructBytes(map: MapImage): number {
  const sized = [map.key ?? map.keySize, map.value ?? map.valueSize].filter((part) => part !== 0);
  return (3 + sized.length) * MAP_STRUCT_MEMBER_BYTES;
}

function describeMaps(types: BtfTypes, maps: readonly MapImage[]): void {
  let offset = 0;
  const variables = maps.map((map) => {
    const size = mapStructBytes(map);
    const type = types.variable(map.name, types.struct('', size, placed(mapMembers(types, map))));
    offset += size;
    return { type, offset: offset - size, size };
  });
  if (variables.length > 0) types.dataSection('.maps', offset, variables);
}

/**
 * `forKernel` leaves out what only user space reads: the `.maps` structs (their key and value types stay, for
 * BPF_MAP_CREATE) and the tags of packed structs.
 */
export function describeImage(image: ObjectImage, options: { readonly forKernel: boolean }): DescribedImage {
  const types = new BtfTypes(options);
  // The kernel refuses BTF without any type (btf_check_all_types, kernel/bpf/btf.c).
  types.int(32, true);
  if (!options.forKernel) describeMaps(types, image.maps);

  const maps = new Map<string, { key: TypeId; value: TypeId }>();
  for (const { name, key, value } of image.maps.flatMap((map) => (map.inner ? [map, map.inner] : [map]))) {
    if (key !== undefined && value !== undefined) {
      maps.set(name, { key: types.layout(key), value: types.layout(value) });
    }
  }

  const sections = new Map<string, TypeId>();
  for (const section of image.sections) {
    // The kernel rejects a DATASEC of size 0 (btf_datasec_check_meta, kernel/bpf/btf.c).
    if (section.size === 0 || section.variables.length === 0) continue;
    const variables = section.variables.map((variable) => ({
      type: types.variable(variable.name, types.layout(variable.layout)),
      offset: variable.offset,
      size: variable.layout.size,
    }));
    sections.set(section.name, types.dataSection(section.name, section.size, variables));
  }

  const functions = new Map<string, readonly TypeId[]>();
  for (const program of image.programs) {
    const ids = functionsOf(program).map((fn, index) => {
      const entry = index === 0;
      const parameters = fn.parameters.map((name) => ({
        name,
        // Not a forward declaration: the verifier's log would complain of it (btf_prepare_func_args).
        type: entry
          ? types.pointer(types.struct(CONTEXT_STRUCTS[program.kind], 0, []))
          : types.int(64, false),
      }));
      // A subprogram that is global would be verified on its own, for any arguments (kernel/bpf/verifier.c,
      // do_check_subprogs): static ones are verified where they are called.
      return types.function(
        fn.name,
        entry ? types.int(32, true) : types.int(64, false),
        parameters,
        entry ? LINKAGE.global : LINKAGE.static,
      );
    });
    functions.set(program.name, ids);
  }
  return { types, maps, sections, functions };
}
