/** Maps: module-level constants made by `arrayMap(...)` and its kin. */
import { ts } from 'ts-morph';
import type { MapImage, MapKind } from '../../../object/image.ts';
import { type Layout, sizeOf } from '../../../object/layout.ts';
import type { Scope } from '../scope.ts';
import { countLocks, SPIN_LOCK, sameLayout } from '../types/types.ts';
import { constantNumber } from './constants.ts';
import { layoutOf } from './layouts.ts';

export const MAP_CONSTRUCTORS: ReadonlyMap<string, MapKind> = new Map([
  ['arrayMap', 'array'],
  ['percpuArrayMap', 'percpuArray'],
  ['hashMap', 'hash'],
  ['percpuHashMap', 'percpuHash'],
  ['lruHashMap', 'lruHash'],
  ['lruPercpuHashMap', 'lruPercpuHash'],
  ['lpmTrieMap', 'lpmTrie'],
  ['ringBuffer', 'ringBuffer'],
  ['programArray', 'programArray'],
  ['arrayOfMaps', 'arrayOfMaps'],
  ['hashOfMaps', 'hashOfMaps'],
]);

/** Kinds whose keys are the numbers from 0 on. */
const INDEXED: ReadonlySet<MapKind> = new Set(['array', 'percpuArray', 'programArray', 'arrayOfMaps']);
/** Kinds that hold a value for each CPU. */
const PER_CPU: ReadonlySet<MapKind> = new Set(['percpuArray', 'percpuHash', 'lruPercpuHash']);
/** Kinds whose values may have a spin lock (map_check_btf, kernel/bpf/syscall.c). */
const LOCKABLE: ReadonlySet<MapKind> = new Set(['array', 'hash']);
/** Kinds that a map of maps doesn't hold: bpf_map_meta_alloc (kernel/bpf/map_in_map.c) takes ring buffers, which have no lookup. */
const NOT_INNER: ReadonlySet<MapKind> = new Set(['ringBuffer', 'programArray', 'arrayOfMaps', 'hashOfMaps']);

/** BPF_F_NO_PREALLOC, which the kernel wants of tries (trie_alloc, kernel/bpf/lpm_trie.c). */
const NO_PREALLOC = 1;
/** LPM_KEY_SIZE: the prefix length and 1 to 256 bytes. */
const TRIE_KEY_BYTES = { least: 5, most: 260 };
/** The smallest pages that natra runs on; a ring buffer is made of whole ones. Bytes. */
const PAGE_BYTES = 4096;
/** A descriptor: what user space writes into a map whose values are kernel objects. */
const DESCRIPTOR_BYTES = 4;
const INDEX: Layout = { kind: 'int', bits: 32, signed: false, order: 'little' };

type Options = ReadonlyMap<string, ts.Expression>;

function options(scope: Scope, node: ts.CallExpression): Options {
  const [given] = node.arguments;
  if (given === undefined || !ts.isObjectLiteralExpression(given))
    return scope.refuse('N3010', node, { what: 'the options', problem: 'they must be an object literal' });
  return new Map(
    given.properties.map((property): [string, ts.Expression] => {
      if (ts.isShorthandPropertyAssignment(property)) return [property.name.text, property.name];
      if (ts.isPropertyAssignment(property) && ts.isIdentifier(property.name))
        return [property.name.text, property.initializer];
      return scope.refuse('N3010', property, { what: 'this option', problem: 'it must be `name: value`' });
    }),
  );
}

/** A trie's key starts with the prefix length, a u32 in host order. */
function checkTrieKey(scope: Scope, key: Layout, node: ts.Node): void {
  const [first] = key.kind === 'struct' ? key.fields : [];
  const size = sizeOf(key);
  const problem =
    first?.name !== 'prefixLength' || !sameLayout(first.layout, INDEX)
      ? 'it must be a struct that starts with `prefixLength: u32`'
      : size < TRIE_KEY_BYTES.least || size > TRIE_KEY_BYTES.most
        ? `it has ${size} bytes, and tries take ${TRIE_KEY_BYTES.least} to ${TRIE_KEY_BYTES.most}`
        : undefined;
  if (problem !== undefined) scope.refuse('N3010', node, { what: "the option 'key'", problem });
}

/** Refuses spin locks in memory where the kernel has none. */
export function refuseLocks(scope: Scope, layout: Layout, where: string, node: ts.Node): void {
  if (countLocks(layout) > 0) scope.refuse('N3017', node, { where });
}

function checkValue(scope: Scope, kind: MapKind, value: Layout, node: ts.Node): void {
  const locks = countLocks(value);
  if (locks === 0) return;
  if (!LOCKABLE.has(kind)) scope.refuse('N3017', node, { where: `the values of this kind of map` });
  // Only a field of the value itself is found by every kernel that has locks (btf_find_struct_field, kernel/bpf/btf.c).
  const lock = value.kind === 'struct' ? value.fields.find(({ layout }) => layout === SPIN_LOCK) : undefined;
  if (locks > 1) scope.refuse('N3017', node, { where: 'a value that has another' });
  if (lock === undefined) scope.refuse('N3017', node, { where: 'an inner struct or array' });
  if (lock.offset % SPIN_LOCK.alignment !== 0)
    scope.refuse('N3017', node, { where: `a packed value, at byte ${lock.offset}` });
}

/** What a CPU's share of an allocation may have (PCPU_MIN_UNIT_SIZE, include/linux/percpu.h), bytes. */
const LARGEST_PER_CPU = 32_768;
/** Of a hash map (htab_map_alloc_check, kernel/bpf/hashtab.c): a key as large as the stack, and all of it in one allocation. */
const LARGEST_KEY = 512;
const LARGEST_VALUE = (4 << 20) - 1024;
/** Of a map's entries: the kernel rounds them up to a power of two that must fit 32 bits (htab_map_alloc, kernel/bpf/hashtab.c). */
const MOST_ENTRIES = 2 ** 31;
/** Of a whole map: the most that Linux 5.10 accounts for (bpf_map_charge_init, kernel/bpf/syscall.c), bytes. */
const LARGEST_MAP = 2 ** 32 - 1 - PAGE_BYTES;

function checkSizes(scope: Scope, kind: MapKind, key: Layout, value: Layout, node: ts.Node): void {
  for (const [option, layout] of [
    ['key', key],
    ['value', value],
  ] as const)
    if (sizeOf(layout) === 0)
      scope.refuse('N3010', node, { what: `the option '${option}'`, problem: 'it has no fields' });
  const check = (option: 'key' | 'value', layout: Layout, most: number): void => {
    const size = sizeOf(layout);
    if (size > most)
      scope.refuse('N3010', node, {
        what: `the option '${option}'`,
        problem: `it has ${size} bytes, and maps of this kind take ${most}`,
      });
  };
  if (PER_CPU.has(kind)) check('value', value, LARGEST_PER_CPU);
  if (INDEXED.has(kind)) return;
  check('key', key, LARGEST_KEY);
  check('value', value, LARGEST_VALUE);
}

/** Refuses more entries than the memory that a map may take, preallocated or not. */
function checkMemory(scope: Scope, image: MapImage, node: ts.Node): void {
  const entry = (INDEXED.has(image.kind) ? 0 : image.keySize) + Math.ceil(image.valueSize / 8) * 8;
  const bytes = entry * image.maxEntries;
  if (bytes >= LARGEST_MAP)
    scope.refuse('N3010', node, {
      what: `the option 'maxEntries', ${image.maxEntries}`,
      problem: `so many take ${bytes} bytes, and a map has less than ${LARGEST_MAP}`,
    });
}

/** BPF_RINGBUF_HDR_SZ: what the kernel puts before each record, bytes. */
const RECORD_HEADER = 8;

/** A record must fit into the buffer, or it could never be reserved (__bpf_ringbuf_reserve, kernel/bpf/ringbuf.c). */
function checkRecord(scope: Scope, value: Layout, bytes: number, node: ts.Node): void {
  const size = sizeOf(value);
  const problem =
    size === 0
      ? 'it has no fields'
      : size + RECORD_HEADER > bytes
        ? `it has ${size} bytes, and the buffer has room for records of ${bytes - RECORD_HEADER}`
        : undefined;
  if (problem !== undefined) scope.refuse('N3010', node, { what: "the option 'value'", problem });
}

/** Bytes of a ring buffer (ringbuf_map_alloc, kernel/bpf/ringbuf.c). */
function ringBytes(scope: Scope, node: ts.Expression): number {
  const bytes = constantNumber(scope, node, 'bytes', 2 ** 31);
  if (Number.isInteger(Math.log2(bytes)) && bytes % PAGE_BYTES === 0) return bytes;
  return scope.refuse('N3010', node, {
    what: `the option 'bytes', ${bytes}`,
    problem: `it must be a power of two, ${PAGE_BYTES} at least`,
  });
}

/** The map that describes what a map of maps holds: a call of a constructor. */
function innerImage(scope: Scope, owner: string, node: ts.Expression): MapImage {
  const entity = ts.isCallExpression(node) ? scope.entity(node.expression) : undefined;
  const kind = entity?.kind === 'intrinsic' ? MAP_CONSTRUCTORS.get(entity.name) : undefined;
  if (kind === undefined || NOT_INNER.has(kind) || !ts.isCallExpression(node))
    return scope.refuse('N3010', node, {
      what: "the option 'inner'",
      problem: 'it must be a map with values, as in `inner: arrayMap({ ... })`',
    });
  return mapImage(scope, `${owner}.inner`, kind, node);
}

/** The map that a call of a constructor describes. */
export function mapImage(scope: Scope, name: string, kind: MapKind, node: ts.CallExpression): MapImage {
  const given = options(scope, node);
  const required = (option: string): ts.Expression =>
    given.get(option) ??
    scope.refuse('N3010', node, { what: `the option '${option}'`, problem: 'it is missing' });
  const entries = () => constantNumber(scope, required('maxEntries'), 'maxEntries', MOST_ENTRIES);
  const within = (image: MapImage): MapImage => {
    checkMemory(scope, image, required('maxEntries'));
    return image;
  };
  const valueLayout = (): Layout => {
    const value = layoutOf(scope, required('value'), `${name}_value`);
    checkValue(scope, kind, value, required('value'));
    return value;
  };
  if (kind === 'ringBuffer') {
    const value = valueLayout();
    const maxEntries = ringBytes(scope, required('bytes'));
    checkRecord(scope, value, maxEntries, required('value'));
    const ring: MapImage = { name, kind, keySize: 0, valueSize: 0, maxEntries, flags: 0 };
    scope.session.records.set(ring, value);
    return ring;
  }
  const key = INDEXED.has(kind) ? INDEX : layoutOf(scope, required('key'), `${name}_key`);
  refuseLocks(scope, key, 'the key of a map', node);
  if (kind === 'lpmTrie') checkTrieKey(scope, key, required('key'));
  const base = { name, kind, key, keySize: sizeOf(key) };
  if (kind === 'programArray')
    return within({ ...base, valueSize: DESCRIPTOR_BYTES, maxEntries: entries(), flags: 0 });
  if (kind === 'arrayOfMaps' || kind === 'hashOfMaps') {
    checkSizes(scope, kind, key, INDEX, node);
    const inner = innerImage(scope, name, required('inner'));
    return within({ ...base, valueSize: DESCRIPTOR_BYTES, maxEntries: entries(), flags: 0, inner });
  }
  const value = valueLayout();
  checkSizes(scope, kind, key, value, node);
  const flags = kind === 'lpmTrie' ? NO_PREALLOC : 0;
  return within({ ...base, value, valueSize: sizeOf(value), maxEntries: entries(), flags });
}
