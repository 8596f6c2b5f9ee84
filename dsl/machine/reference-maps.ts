/** Maps whose values are kernel objects: programs to tail-call, and inner maps (kernel/bpf/arraymap.c, map_in_map.c). */
import type { MapImage } from '../object/image.ts';
import { ERRNO } from './errno.ts';

/** Programs by index, for tail calls; a value is a program's name in the same object. */
export class ProgramArray {
  readonly image: MapImage;
  readonly #programs: (string | undefined)[] = [];

  constructor(image: MapImage) {
    this.image = image;
  }

  at(index: number): string | undefined {
    return index < this.image.maxEntries ? this.#programs[index] : undefined;
  }

  /** User space: puts a program there, or takes it away. 0 or a negative errno. */
  set(index: number, program: string | undefined): number {
    if (index >= this.image.maxEntries) return -ERRNO.E2BIG;
    if (program === undefined && this.#programs[index] === undefined) return -ERRNO.ENOENT;
    this.#programs[index] = program;
    return 0;
  }
}

/** Inner maps by key (BPF_MAP_TYPE_HASH_OF_MAPS): programs may only look up. */
export class MapOfMaps<Inner> {
  readonly image: MapImage;
  readonly #inner = new Map<string, Inner>();

  constructor(image: MapImage) {
    this.image = image;
  }

  lookup(key: Uint8Array): Inner | undefined {
    return this.#inner.get(this.#nameOf(key));
  }

  /** User space: puts an inner map there, or takes it away. 0 or a negative errno. */
  set(key: Uint8Array, map: Inner | undefined): number {
    const name = this.#nameOf(key);
    if (map === undefined) return this.#inner.delete(name) ? 0 : -ERRNO.ENOENT;
    if (!this.#inner.has(name) && this.#inner.size >= this.image.maxEntries) return -ERRNO.E2BIG;
    this.#inner.set(name, map);
    return 0;
  }

  #nameOf(key: Uint8Array): string {
    return Array.from(key.subarray(0, this.image.keySize)).join();
  }
}
