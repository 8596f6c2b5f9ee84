/**
 * Model maps: what a program and user space can do with each kind of BPF map, with the kernel's results.
 * The sources of each kind's rules stand at its class.
 */
import type { MapImage, MapKind } from '../object/image.ts';
import { ArrayMap } from './array-map.ts';
import { HashMap } from './hash-map.ts';
import { LpmTrie } from './lpm-trie.ts';
import { MapOfMaps, ProgramArray } from './reference-maps.ts';
import { RingBuffer } from './ring-buffer.ts';
import type { ValueMap } from './value-map.ts';

export { type MapEntry, UPDATE, type ValueMap } from './value-map.ts';

export type ModelMap = ValueMap | RingBuffer | ProgramArray | MapOfMaps<ValueMap | RingBuffer>;

const PER_CPU: ReadonlySet<MapKind> = new Set(['percpuArray', 'percpuHash', 'lruPercpuHash']);

/** Creates the map that `image` describes, empty or zeroed. `cpus`: the machine's possible CPUs. */
export function createMap(image: MapImage, cpus = 1): ModelMap {
  const copies = PER_CPU.has(image.kind) ? cpus : 1;
  switch (image.kind) {
    case 'array':
    case 'percpuArray':
      return new ArrayMap(image, copies);
    case 'hash':
    case 'percpuHash':
      return new HashMap(image, copies, false);
    case 'lruHash':
    case 'lruPercpuHash':
      return new HashMap(image, copies, true);
    case 'lpmTrie':
      return new LpmTrie(image);
    case 'ringBuffer':
      return new RingBuffer(image);
    case 'programArray':
      return new ProgramArray(image);
    case 'arrayOfMaps':
    case 'hashOfMaps':
      return new MapOfMaps(image);
  }
}

/** Whether the map has values in memory, which every lookup, update and delete is about. */
export function isValueMap(map: ModelMap): map is ValueMap {
  return !(map instanceof RingBuffer || map instanceof ProgramArray || map instanceof MapOfMaps);
}
