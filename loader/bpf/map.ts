/** Maps: creation and element access. Structures: union bpf_attr, include/uapi/linux/bpf.h. */
import { MAP_TYPES, type MapKind } from '../../dsl/object/image.ts';
import { check, ENOTSUPP, ERRNO } from '../errors.ts';
import { type Region, type Scratch, withScratch } from '../native/arena.ts';
import { closeDescriptor } from '../native/files.ts';
import { bpf, withMemlock, writeName, writePointer } from './call.ts';
import { possibleCpus } from './cpus.ts';

/** BPF_F_* of map creation. */
export const MAP_FLAG = { noPrealloc: 1, rdonlyProgram: 1 << 7, mmapable: 1 << 10 } as const;

/** Flags of an update: BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
export const UPDATE = { any: 0, create: 1, replace: 2 } as const;

export interface MapDescription {
  readonly name: string;
  readonly kind: MapKind;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of map creation. */
  readonly flags: number;
  /** Descriptor of loaded BTF with the types of key and value. */
  readonly btf?: { readonly fd: number; readonly keyType: number; readonly valueType: number };
  /** Template of the inner maps of a map of maps. */
  readonly innerMapFd?: number;
}

/** BPF_MAP_CREATE, up to btf_vmlinux_value_type_id. */
const CREATE = {
  type: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 12,
  flags: 16,
  innerMapFd: 20,
  name: 28,
  btfFd: 48,
  btfKeyTypeId: 52,
  btfValueTypeId: 56,
  bytes: 64,
} as const;

/** BPF_MAP_*_ELEM, BPF_MAP_GET_NEXT_KEY and BPF_MAP_FREEZE. */
const ELEMENT = { fd: 0, key: 8, value: 16, flags: 24, bytes: 32 } as const;

/** BPF_MAP_*_BATCH. */
const BATCH = { in: 0, out: 8, keys: 16, values: 24, count: 32, fd: 36, bytes: 56 } as const;

const PER_CPU: readonly MapKind[] = ['percpuArray', 'percpuHash', 'lruPercpuHash'];

const alignUp8 = (size: number): number => Math.ceil(size / 8) * 8;

/** An open map. Keys and values are raw bytes; loader/object/values.ts reads and writes them by layout. */
export class MapHandle {
  readonly perCpu: boolean;

  constructor(
    readonly fd: number,
    readonly name: string,
    readonly kind: MapKind,
    readonly keySize: number,
    readonly valueSize: number,
    readonly maxEntries: number,
  ) {
    this.perCpu = PER_CPU.includes(kind);
  }

  /** Bytes that the kernel writes for one element: the value, or one padded value a CPU. */
  private get elementSize(): number {
    return this.perCpu ? alignUp8(this.valueSize) * possibleCpus() : this.valueSize;
  }

  private element<T>(key: Uint8Array | undefined, body: (memory: Scratch, attributes: Region) => T): T {
    if (key && key.length !== this.keySize) {
      throw new Error(`map ${this.name}: a key has ${this.keySize} bytes, not ${key.length}`);
    }
    return withScratch((memory) => {
      const attributes = memory.allocate(ELEMENT.bytes);
      attributes.view.setUint32(ELEMENT.fd, this.fd, true);
      if (key) writePointer(attributes, ELEMENT.key, memory.copy(key).address);
      return body(memory, attributes);
    });
  }

  /** The value of `key`, or undefined. Of a per-CPU map: all CPUs' values as the kernel lays them out. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.element(key, (memory, attributes) => {
      const value = memory.allocate(this.elementSize);
      writePointer(attributes, ELEMENT.value, value.address);
      const result = bpf('mapLookup', attributes);
      if (result === -ERRNO.ENOENT) return undefined;
      check(result, 'look up in map', this.name);
      return value.bytes.slice();
    });
  }

  /** The values of `key` of a per-CPU map, one of `valueSize` bytes for each possible CPU. */
  lookupPerCpu(key: Uint8Array): Uint8Array[] | undefined {
    const all = this.lookup(key);
    return all && this.splitCpus(all);
  }

  private splitCpus(all: Uint8Array): Uint8Array[] {
    if (!this.perCpu) return [all];
    const stride = alignUp8(this.valueSize);
    return Array.from({ length: possibleCpus() }, (_, cpu) =>
      all.slice(cpu * stride, cpu * stride + this.valueSize),
    );
  }

  /** Writes the value of `key`. A per-CPU map takes one value for all CPUs, or every CPU's in the kernel's layout. */
  update(key: Uint8Array, value: Uint8Array, flags: number = UPDATE.any): void {
    const bytes = this.perCpu && value.length === this.valueSize ? this.repeatForCpus(value) : value;
    if (bytes.length !== this.elementSize) {
      throw new Error(`map ${this.name}: a value has ${this.elementSize} bytes, not ${value.length}`);
    }
    this.element(key, (memory, attributes) => {
      writePointer(attributes, ELEMENT.value, memory.copy(bytes).address);
      attributes.view.setBigUint64(ELEMENT.flags, BigInt(flags), true);
      check(bpf('mapUpdate', attributes), 'update map', this.name);
    });
  }

  private repeatForCpus(value: Uint8Array): Uint8Array {
    const stride = alignUp8(this.valueSize);
    const all = new Uint8Array(stride * possibleCpus());
    for (let at = 0; at < all.length; at += stride) all.set(value, at);
    return all;
  }

  /** Deletes `key`. False where it isn't there. */
  delete(key: Uint8Array): boolean {
    return this.element(key, (_, attributes) => {
      const result = bpf('mapDelete', attributes);
      if (result === -ERRNO.ENOENT) return false;
      check(result, 'delete from map', this.name);
      return true;
    });
  }

  /** The key after `key`, or the first one; undefined after the last. */
  nextKey(key?: Uint8Array): Uint8Array | undefined {
    return this.element(key, (memory, attributes) => {
      const next = memory.allocate(this.keySize);
      writePointer(attributes, ELEMENT.value, next.address);
      const result = bpf('mapGetNextKey', attributes);
      if (result === -ERRNO.ENOENT) return undefined;
      check(result, 'walk map', this.name);
      return next.bytes.slice();
    });
  }

  /** All keys. Keys that others delete meanwhile make a hash map's walk start again, so each is given once. */
  *keys(): Generator<Uint8Array> {
    const seen = new Set<string>();
    for (let key = this.nextKey(); key && seen.size < this.maxEntries; key = this.nextKey(key)) {
      const name = Buffer.from(key).toString('latin1');
      if (seen.has(name)) continue;
      seen.add(name);
      yield key;
    }
  }

  /**
   * Every element in one system call each `batchSize` elements, with one value for each CPU of a per-CPU map
   * (one value otherwise). Needs Linux 5.6 (5.13 for per-CPU arrays); falls back to one call an element.
   */
  entries(batchSize = Math.min(this.maxEntries, 1024)): { key: Uint8Array; values: Uint8Array[] }[] {
    return this.readBatches(batchSize) ?? this.readEach();
  }

  private readEach(): { key: Uint8Array; values: Uint8Array[] }[] {
    const found: { key: Uint8Array; values: Uint8Array[] }[] = [];
    for (const key of this.keys()) {
      const values = this.lookupPerCpu(key);
      if (values) found.push({ key, values });
    }
    return found;
  }

  private readBatches(batchSize: number): { key: Uint8Array; values: Uint8Array[] }[] | undefined {
    return withScratch((memory) => {
      const found: { key: Uint8Array; values: Uint8Array[] }[] = [];
      const keys = memory.allocate(batchSize * this.keySize);
      const values = memory.allocate(batchSize * this.elementSize);
      // The cursor is a bucket index (u32) for hash maps, a key for others.
      const cursor = memory.allocate(Math.max(4, this.keySize));
      const attributes = memory.allocate(BATCH.bytes);
      attributes.view.setUint32(BATCH.fd, this.fd, true);
      writePointer(attributes, BATCH.out, cursor.address);
      writePointer(attributes, BATCH.keys, keys.address);
      writePointer(attributes, BATCH.values, values.address);
      for (let first = true; ; first = false) {
        if (!first) writePointer(attributes, BATCH.in, cursor.address);
        attributes.view.setUint32(BATCH.count, batchSize, true);
        const result = bpf('mapLookupBatch', attributes);
        // ENOTSUPP and EINVAL: no batches for this kind or kernel. ENOSPC: a bucket holds more than a batch.
        if (first && [-ENOTSUPP, -ERRNO.EINVAL].includes(result)) return undefined;
        if (result === -ERRNO.ENOSPC) return undefined;
        if (result !== -ERRNO.ENOENT) check(result, 'read map', this.name);
        const count = attributes.view.getUint32(BATCH.count, true);
        for (let index = 0; index < count; index++) {
          const value = values.bytes.slice(index * this.elementSize, (index + 1) * this.elementSize);
          found.push({
            key: keys.bytes.slice(index * this.keySize, (index + 1) * this.keySize),
            values: this.splitCpus(value),
          });
        }
        if (result === -ERRNO.ENOENT) return found;
      }
    });
  }

  /** Forbids user space to write the map from now on. Linux 5.2. */
  freeze(): void {
    this.element(undefined, (_, attributes) =>
      check(bpf('mapFreeze', attributes), 'freeze map', this.name, 'needs linux 5.2'),
    );
  }

  close(): void {
    closeDescriptor(this.fd);
  }
}

/** Creates a map. The kernel keeps the first 15 characters of its name. */
export function createMap(map: MapDescription): MapHandle {
  const fd = withScratch((memory) => {
    const attributes = memory.allocate(CREATE.bytes);
    const { view } = attributes;
    view.setUint32(CREATE.type, MAP_TYPES[map.kind], true);
    view.setUint32(CREATE.keySize, map.keySize, true);
    view.setUint32(CREATE.valueSize, map.valueSize, true);
    view.setUint32(CREATE.maxEntries, map.maxEntries, true);
    view.setUint32(CREATE.flags, map.flags, true);
    view.setUint32(CREATE.innerMapFd, map.innerMapFd ?? 0, true);
    writeName(attributes, CREATE.name, map.name);
    if (map.btf) {
      view.setUint32(CREATE.btfFd, map.btf.fd, true);
      view.setUint32(CREATE.btfKeyTypeId, map.btf.keyType, true);
      view.setUint32(CREATE.btfValueTypeId, map.btf.valueType, true);
    }
    return check(
      withMemlock(() => bpf('mapCreate', attributes)),
      'create map',
      map.name,
      (errno) => hintOfCreation(errno, map),
    );
  });
  return new MapHandle(fd, map.name, map.kind, map.keySize, map.valueSize, map.maxEntries);
}

function hintOfCreation(errno: string, map: MapDescription): string | undefined {
  const shape = `${map.kind}, key ${map.keySize} B, value ${map.valueSize} B, ${map.maxEntries} entries`;
  switch (errno) {
    case 'EPERM':
      return 'needs CAP_BPF or root, and a kernel that permits bpf(2)';
    case 'ENOMEM':
    case 'E2BIG':
      return `no room for ${shape}`;
    case 'EINVAL':
      return `the kernel doesn't accept ${shape}, flags 0x${map.flags.toString(16)}`;
    case 'ENOSYS':
      return 'the kernel is built without CONFIG_BPF_SYSCALL';
    default:
      return undefined;
  }
}
