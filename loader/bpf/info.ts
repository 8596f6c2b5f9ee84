/**
 * What the kernel holds: ids of all programs, maps and links, and what each says of itself.
 * Structures: bpf_prog_info, bpf_map_info, bpf_link_info, include/uapi/linux/bpf.h.
 */
import { MAP_TYPES, type MapKind } from '../../dsl/object/image.ts';
import { check, ERRNO } from '../errors.ts';
import { type Region, textOf, withScratch } from '../native/arena.ts';
import { bpf, type Command, writePointer } from './call.ts';
import { MapHandle } from './map.ts';

const NEXT_ID = { start: 0, next: 4, bytes: 12 } as const;
const BY_ID = { id: 0, bytes: 12 } as const;
const GET_INFO = { fd: 0, length: 4, info: 8, bytes: 16 } as const;
const PROGRAM_INFO = {
  type: 0,
  id: 4,
  tag: 8,
  jitedBytes: 16,
  translatedBytes: 20,
  translated: 32,
  mapCount: 52,
  mapIds: 56,
  name: 64,
  btfId: 128,
  lineCount: 148,
  runTime: 192,
  runCount: 200,
  bytes: 232,
} as const;
const MAP_INFO = {
  type: 0,
  id: 4,
  keySize: 8,
  valueSize: 12,
  maxEntries: 16,
  flags: 20,
  name: 24,
  bytes: 80,
} as const;
const LINK_INFO = { type: 0, id: 4, programId: 8, ifindex: 16, attachType: 20, bytes: 64 } as const;
/** BPF_LINK_TYPE_TCX. */
export const LINK_TYPE_TCX = 11;
const MAPS_OF_A_PROGRAM = 64;

export type ObjectKind = 'program' | 'map' | 'link';
const COMMANDS: Readonly<Record<ObjectKind, { readonly next: Command; readonly open: Command }>> = {
  program: { next: 'programGetNextId', open: 'programGetFdById' },
  map: { next: 'mapGetNextId', open: 'mapGetFdById' },
  link: { next: 'linkGetNextId', open: 'linkGetFdById' },
};

/** Ids of every live object of a kind, rising. */
export function listIds(kind: ObjectKind): number[] {
  return withScratch((memory) => {
    const attributes = memory.allocate(NEXT_ID.bytes);
    const ids: number[] = [];
    for (let id = 0; ; ) {
      attributes.view.setUint32(NEXT_ID.start, id, true);
      const result = bpf(COMMANDS[kind].next, attributes);
      if (result === -ERRNO.ENOENT) return ids;
      check(result, 'list', `${kind} ids`, 'needs CAP_SYS_ADMIN');
      id = attributes.view.getUint32(NEXT_ID.next, true);
      ids.push(id);
    }
  });
}

/** A descriptor of the object with this id; undefined where it is gone. */
export function openById(kind: ObjectKind, id: number): number | undefined {
  return withScratch((memory) => {
    const attributes = memory.allocate(BY_ID.bytes);
    attributes.view.setUint32(BY_ID.id, id, true);
    const result = bpf(COMMANDS[kind].open, attributes);
    if (result === -ERRNO.ENOENT) return undefined;
    return check(result, `open ${kind}`, `id ${id}`);
  });
}

function readInfo(fd: number, info: Region, what: string): void {
  withScratch((memory) => {
    const attributes = memory.allocate(GET_INFO.bytes);
    attributes.view.setUint32(GET_INFO.fd, fd, true);
    attributes.view.setUint32(GET_INFO.length, info.bytes.length, true);
    writePointer(attributes, GET_INFO.info, info.address);
    check(bpf('objectGetInfo', attributes), `read the description of ${what}`, `fd ${fd}`);
  });
}

export interface ProgramInfo {
  readonly id: number;
  /** enum bpf_prog_type. */
  readonly type: number;
  readonly name: string;
  /** Digest of the instructions, as bpftool prints it. */
  readonly tag: string;
  readonly mapIds: readonly number[];
  /** Bytes of instructions after the verifier's rewriting. */
  readonly translatedBytes: number;
  /** Bytes of machine code; 0 where the kernel interprets. */
  readonly jitedBytes: number;
  /** 0 without BTF. */
  readonly btfId: number;
  readonly lineCount: number;
  /** Both 0 unless kernel.bpf_stats_enabled. */
  readonly runTimeNanoseconds: bigint;
  readonly runCount: bigint;
}

/** What the kernel says of an open program. */
export function programInfo(fd: number): ProgramInfo {
  return withScratch((memory) => {
    const info = memory.allocate(PROGRAM_INFO.bytes);
    const maps = memory.allocate(MAPS_OF_A_PROGRAM * 4);
    const { view } = info;
    view.setUint32(PROGRAM_INFO.mapCount, MAPS_OF_A_PROGRAM, true);
    writePointer(info, PROGRAM_INFO.mapIds, maps.address);
    readInfo(fd, info, 'program');
    const mapCount = Math.min(view.getUint32(PROGRAM_INFO.mapCount, true), MAPS_OF_A_PROGRAM);
    return {
      id: view.getUint32(PROGRAM_INFO.id, true),
      type: view.getUint32(PROGRAM_INFO.type, true),
      name: textOf(info.bytes.subarray(PROGRAM_INFO.name, PROGRAM_INFO.name + 16)),
      tag: Buffer.from(info.bytes.subarray(PROGRAM_INFO.tag, PROGRAM_INFO.tag + 8)).toString('hex'),
      mapIds: Array.from({ length: mapCount }, (_, index) => maps.view.getUint32(index * 4, true)),
      jitedBytes: view.getUint32(PROGRAM_INFO.jitedBytes, true),
      translatedBytes: view.getUint32(PROGRAM_INFO.translatedBytes, true),
      btfId: view.getUint32(PROGRAM_INFO.btfId, true),
      lineCount: view.getUint32(PROGRAM_INFO.lineCount, true),
      runTimeNanoseconds: view.getBigUint64(PROGRAM_INFO.runTime, true),
      runCount: view.getBigUint64(PROGRAM_INFO.runCount, true),
    };
  });
}

/**
 * A program's instructions as the verifier left them, with the ids of maps where they refer to one
 * (bpf_insn_prepare_dump, kernel/bpf/syscall.c).
 */
export function translatedInstructions(fd: number): Uint8Array {
  const { translatedBytes } = programInfo(fd);
  return withScratch((memory) => {
    const info = memory.allocate(PROGRAM_INFO.bytes);
    const code = memory.allocate(translatedBytes);
    info.view.setUint32(PROGRAM_INFO.translatedBytes, translatedBytes, true);
    writePointer(info, PROGRAM_INFO.translated, code.address);
    readInfo(fd, info, 'program');
    return code.bytes.slice();
  });
}

export interface MapInfo {
  readonly id: number;
  /** enum bpf_map_type. */
  readonly type: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** What the kernel says of an open map. */
export function mapInfo(fd: number): MapInfo {
  return withScratch((memory) => {
    const info = memory.allocate(MAP_INFO.bytes);
    readInfo(fd, info, 'map');
    const { view } = info;
    return {
      id: view.getUint32(MAP_INFO.id, true),
      type: view.getUint32(MAP_INFO.type, true),
      name: textOf(info.bytes.subarray(MAP_INFO.name, MAP_INFO.name + 16)),
      keySize: view.getUint32(MAP_INFO.keySize, true),
      valueSize: view.getUint32(MAP_INFO.valueSize, true),
      maxEntries: view.getUint32(MAP_INFO.maxEntries, true),
      flags: view.getUint32(MAP_INFO.flags, true),
    };
  });
}

/** A handle for a map whose descriptor came from a pin or an id. `name` is ours: the kernel keeps 15 characters. */
export function mapHandleOf(fd: number, name: string): MapHandle {
  const info = mapInfo(fd);
  const kind = (Object.keys(MAP_TYPES) as MapKind[]).find((key) => MAP_TYPES[key] === info.type);
  if (!kind) throw new Error(`open map ${name}: natra has no map of kernel type ${info.type}`);
  return new MapHandle(fd, name, kind, info.keySize, info.valueSize, info.maxEntries);
}

export interface LinkInfo {
  readonly id: number;
  /** enum bpf_link_type. */
  readonly type: number;
  readonly programId: number;
  /** Of a TCX link, seen from the device's namespace; 0 when the device is gone or the link detached. */
  readonly ifindex: number;
  /** enum bpf_attach_type of a TCX link. */
  readonly attachType: number;
}

/** What the kernel says of an open link. */
export function linkInfo(fd: number): LinkInfo {
  return withScratch((memory) => {
    const info = memory.allocate(LINK_INFO.bytes);
    readInfo(fd, info, 'link');
    const { view } = info;
    const type = view.getUint32(LINK_INFO.type, true);
    const tcx = type === LINK_TYPE_TCX;
    return {
      id: view.getUint32(LINK_INFO.id, true),
      type,
      programId: view.getUint32(LINK_INFO.programId, true),
      ifindex: tcx ? view.getUint32(LINK_INFO.ifindex, true) : 0,
      attachType: tcx ? view.getUint32(LINK_INFO.attachType, true) : 0,
    };
  });
}
