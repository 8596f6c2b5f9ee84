import { expect, test } from 'vitest';
import type { MapImage, MapKind } from '../object/image.ts';
import { createMap, type ModelMap, UPDATE, type ValueMap } from './maps.ts';
import { MapOfMaps, ProgramArray } from './reference-maps.ts';
import { RingBuffer } from './ring-buffer.ts';

const image = (kind: MapKind, changes: Partial<MapImage> = {}): MapImage => ({
  name: 'tested',
  kind,
  keySize: 4,
  valueSize: 8,
  maxEntries: 3,
  flags: 0,
  ...changes,
});
const valueMap = (kind: MapKind, cpus = 1, changes: Partial<MapImage> = {}): ValueMap =>
  createMap(image(kind, changes), cpus) as ModelMap & ValueMap;
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const keysOf = (map: ValueMap): number[] =>
  [...map.entries()].map(({ key }) => new DataView(key.buffer).getUint32(0, true));

test('an array has zeroed values up to its size and none beyond', () => {
  const map = valueMap('array');
  expect(map.lookup(u32(2))).toEqual(u64(0));
  expect(map.lookup(u32(3))).toBeUndefined();
  expect(map.lookup(u32(0xffffffff))).toBeUndefined();
});

test('an array refuses what the kernel refuses, the flags first', () => {
  const map = valueMap('array');
  expect(map.update(u32(0), u64(1), UPDATE.noExist)).toBe(-17);
  expect(map.update(u32(9), u64(1), UPDATE.noExist)).toBe(-7);
  expect(map.update(u32(9), u64(1), 3n)).toBe(-22);
  expect(map.update(u32(9), u64(1))).toBe(-7);
  expect(map.delete(u32(0))).toBe(-22);
  expect(map.update(u32(0), u64(5), UPDATE.exist)).toBe(0);
  expect(map.lookup(u32(0))).toEqual(u64(5));
});

test('a lookup gives memory: what is written there is in the map', () => {
  for (const kind of ['array', 'hash', 'lruHash'] as const) {
    const map = valueMap(kind);
    map.update(u32(1), u64(0));
    map.lookup(u32(1))?.set(u64(77));
    expect(map.lookup(u32(1))).toEqual(u64(77));
    expect(map.lookup(u32(1))).toBe(map.lookup(u32(1)));
  }
});

test('a per-CPU value has a copy for each CPU, and a program writes its own', () => {
  for (const kind of ['percpuArray', 'percpuHash', 'lruPercpuHash'] as const) {
    const map = valueMap(kind, 2);
    expect(map.update(u32(1), u64(10), UPDATE.any, 1)).toBe(0);
    expect(map.lookup(u32(1), 0)).toEqual(u64(0));
    expect(map.lookup(u32(1), 1)).toEqual(u64(10));
    expect(map.write(u32(1), [u64(3), u64(4)])).toBe(0);
    const entry = [...map.entries()].find(({ key }) => key[0] === 1);
    expect(entry?.values).toEqual([u64(3), u64(4)]);
  }
});

test('a hash obeys the update flags and its size', () => {
  const map = valueMap('hash');
  expect(map.update(u32(1), u64(1), UPDATE.exist)).toBe(-2);
  expect(map.update(u32(1), u64(1), UPDATE.noExist)).toBe(0);
  expect(map.update(u32(1), u64(1), UPDATE.noExist)).toBe(-17);
  expect(map.update(u32(1), u64(1), 3n)).toBe(-22);
  map.update(u32(2), u64(2));
  map.update(u32(3), u64(3));
  expect(map.update(u32(4), u64(4))).toBe(-7);
  expect(map.update(u32(3), u64(33))).toBe(0);
  expect(map.delete(u32(4))).toBe(-2);
  expect(map.delete(u32(3))).toBe(0);
  expect(map.lookup(u32(3))).toBeUndefined();
});

test('replacing a hash value leaves the memory of the old one as it was', () => {
  const map = valueMap('hash');
  map.update(u32(1), u64(1));
  const old = map.lookup(u32(1));
  map.update(u32(1), u64(2));
  expect(old).toEqual(u64(1));
  expect(map.lookup(u32(1))).toEqual(u64(2));
});

test('a full LRU hash evicts the entry used longest ago', () => {
  const map = valueMap('lruHash');
  for (const key of [1, 2, 3]) map.update(u32(key), u64(key));
  map.lookup(u32(1));
  expect(map.update(u32(4), u64(4))).toBe(0);
  expect(keysOf(map).sort()).toEqual([1, 3, 4]);
  expect([...map.entries()].length).toBe(3);
  map.update(u32(5), u64(5));
  expect(keysOf(map).sort()).toEqual([1, 4, 5]);
});

const prefix = (bits: number, ...address: number[]): Uint8Array => Uint8Array.of(...u32(bits), ...address);

test('a trie finds the longest prefix that matches and is no longer than the key', () => {
  const map = valueMap('lpmTrie', 1, { keySize: 8, valueSize: 8, maxEntries: 3 });
  map.update(prefix(8, 10, 0, 0, 0), u64(8));
  map.update(prefix(20, 10, 1, 0x10, 0), u64(20));
  map.update(prefix(0, 0, 0, 0, 0), u64(1));
  expect(map.lookup(prefix(32, 10, 1, 0x1f, 9))).toEqual(u64(20));
  expect(map.lookup(prefix(32, 10, 1, 0x20, 9))).toEqual(u64(8));
  expect(map.lookup(prefix(16, 10, 1, 0x10, 0))).toEqual(u64(8));
  expect(map.lookup(prefix(32, 11, 1, 1, 1))).toEqual(u64(1));
  expect(map.lookup(prefix(33, 10, 1, 1, 1))).toBeUndefined();
});

test('a trie refuses what the kernel refuses', () => {
  const map = valueMap('lpmTrie', 1, { keySize: 8, maxEntries: 1 });
  expect(map.update(prefix(33, 1, 1, 1, 1), u64(0))).toBe(-22);
  expect(map.update(prefix(8, 1, 1, 1, 1), u64(0), UPDATE.exist)).toBe(-2);
  expect(map.update(prefix(8, 1, 0, 0, 0), u64(1))).toBe(0);
  expect(map.update(prefix(8, 1, 9, 9, 9), u64(2), UPDATE.noExist)).toBe(-17);
  expect(map.update(prefix(9, 1, 0, 0, 0), u64(1))).toBe(-28);
  expect(map.delete(prefix(9, 1, 0, 0, 0))).toBe(-2);
  expect(map.delete(prefix(40, 1, 0, 0, 0))).toBe(-22);
  expect(map.delete(prefix(8, 1, 2, 3, 4))).toBe(0);
});

test('a ring buffer gives user space the submitted records in order, up to one still being filled', () => {
  const ring = createMap(image('ringBuffer', { maxEntries: 4096 }));
  if (!(ring instanceof RingBuffer)) throw new Error('not a ring buffer');
  expect(ring.output(Uint8Array.of(1))).toBe(0);
  const discarded = ring.reserve(4);
  const filling = ring.reserve(4);
  ring.output(Uint8Array.of(2));
  expect(ring.discard(discarded!)).toBe(true);
  expect(ring.consume()).toEqual([Uint8Array.of(1)]);
  filling!.set([9, 9, 9, 9]);
  expect(ring.submit(filling!)).toBe(true);
  expect(ring.submit(filling!)).toBe(false);
  expect(ring.consume()).toEqual([Uint8Array.of(9, 9, 9, 9), Uint8Array.of(2)]);
  expect(ring.available).toBe(0);
});

test('a ring buffer has no room beyond its size, headers counted', () => {
  const ring = createMap(image('ringBuffer', { maxEntries: 64 })) as RingBuffer;
  expect(ring.reserve(57)).toBeUndefined();
  expect(ring.output(new Uint8Array(40))).toBe(0);
  expect(ring.output(new Uint8Array(16))).toBe(-11);
  expect(ring.output(new Uint8Array(1), 4n)).toBe(-22);
  ring.consume();
  expect(ring.output(new Uint8Array(16))).toBe(0);
});

test('a program array holds programs by index', () => {
  const map = createMap(image('programArray')) as ProgramArray;
  expect(map).toBeInstanceOf(ProgramArray);
  expect(map.set(3, 'next')).toBe(-7);
  expect(map.set(2, undefined)).toBe(-2);
  expect(map.set(2, 'next')).toBe(0);
  expect([map.at(2), map.at(1), map.at(3)]).toEqual(['next', undefined, undefined]);
});

test('a hash of maps gives the inner map', () => {
  const map = createMap(image('hashOfMaps', { maxEntries: 1 })) as MapOfMaps<ValueMap>;
  expect(map).toBeInstanceOf(MapOfMaps);
  const inner = valueMap('array');
  expect(map.set(u32(5), inner)).toBe(0);
  expect(map.set(u32(6), inner)).toBe(-7);
  expect(map.lookup(u32(5))).toBe(inner);
  expect(map.set(u32(5), undefined)).toBe(0);
  expect(map.lookup(u32(5))).toBeUndefined();
});
