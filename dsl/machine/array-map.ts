/** Array maps: zeroed values that exist from creation on (kernel/bpf/arraymap.c). */
import type { MapImage } from '../object/image.ts';
import { ERRNO } from './errno.ts';
import { type MapEntry, UPDATE, type ValueMap } from './value-map.ts';

export class ArrayMap implements ValueMap {
  readonly image: MapImage;
  readonly copies: number;
  /** All values, copy after copy: mmap-able arrays are one stretch of memory too. */
  readonly memory: Uint8Array;
  readonly #stride: number;
  readonly #views: (Uint8Array | undefined)[] = [];

  constructor(image: MapImage, copies: number) {
    this.image = image;
    this.copies = copies;
    this.#stride = Math.ceil(image.valueSize / 8) * 8;
    this.memory = new Uint8Array(this.#stride * image.maxEntries * copies);
  }

  lookup(key: Uint8Array, cpu = 0): Uint8Array | undefined {
    return this.at(indexOf(key), cpu);
  }

  /** The value at `index`, or `undefined` beyond the last. */
  at(index: number, cpu = 0): Uint8Array | undefined {
    if (index >= this.image.maxEntries) return undefined;
    const slot = this.copies === 1 ? index : cpu * this.image.maxEntries + index;
    let view = this.#views[slot];
    if (view === undefined) {
      const start = slot * this.#stride;
      view = this.memory.subarray(start, start + this.image.valueSize);
      this.#views[slot] = view;
    }
    return view;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0n, cpu = 0): number {
    if (flags > UPDATE.exist) return -ERRNO.EINVAL;
    const to = this.lookup(key, cpu);
    if (to === undefined) return -ERRNO.E2BIG;
    if (flags === UPDATE.noExist) return -ERRNO.EEXIST;
    to.set(value.subarray(0, to.length));
    return 0;
  }

  delete(_key: Uint8Array): number {
    return -ERRNO.EINVAL;
  }

  *entries(): Iterable<MapEntry> {
    for (let index = 0; index < this.image.maxEntries; index++) {
      const key = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, index, true);
      const values: Uint8Array[] = [];
      for (let cpu = 0; cpu < this.copies; cpu++) {
        const value = this.at(index, cpu);
        if (value !== undefined) values.push(value);
      }
      yield { key, values };
    }
  }

  write(key: Uint8Array, values: readonly Uint8Array[], flags = 0n): number {
    for (const [cpu, value] of values.entries()) {
      const result = this.update(key, value, flags, cpu);
      if (result !== 0) return result;
    }
    return 0;
  }
}

function indexOf(key: Uint8Array): number {
  return ((key[0] ?? 0) | ((key[1] ?? 0) << 8) | ((key[2] ?? 0) << 16) | ((key[3] ?? 0) << 24)) >>> 0;
}
