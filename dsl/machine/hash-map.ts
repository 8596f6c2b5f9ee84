/** Hash maps, plain, per-CPU and LRU (kernel/bpf/hashtab.c). */
import type { MapImage } from '../object/image.ts';
import { ERRNO } from './errno.ts';
import { type MapEntry, UPDATE, type ValueMap } from './value-map.ts';

/**
 * An LRU map is modelled exactly: lookups by a program and updates count as use, and a full map evicts the entry
 * used longest ago. The kernel's LRU (kernel/bpf/bpf_lru_list.c) works in batches with a reference bit: it may
 * evict earlier and choose another of the old entries, so comparisons with a kernel keep LRU maps from filling.
 */
export class HashMap implements ValueMap {
  readonly image: MapImage;
  readonly copies: number;
  readonly #lru: boolean;
  /** In order of creation; for LRU maps in order of last use, oldest first. */
  readonly #elements = new Map<string, readonly Uint8Array[]>();

  constructor(image: MapImage, copies: number, lru: boolean) {
    this.image = image;
    this.copies = copies;
    this.#lru = lru;
  }

  /** Entries now. */
  get size(): number {
    return this.#elements.size;
  }

  lookup(key: Uint8Array, cpu = 0): Uint8Array | undefined {
    const name = nameOf(key, this.image.keySize);
    const element = this.#elements.get(name);
    if (element === undefined) return undefined;
    if (this.#lru) this.#use(name, element);
    return element[this.copies === 1 ? 0 : cpu];
  }

  /**
   * Replacing a plain value makes a new element, as the kernel does: memory that a lookup gave before keeps the
   * old value. A per-CPU value is written in place; a new per-CPU element is zero on the other CPUs.
   */
  update(key: Uint8Array, value: Uint8Array, flags = 0n, cpu = 0): number {
    return this.#put(key, flags, (old) => {
      if (this.copies === 1) return [value.slice(0, this.image.valueSize)];
      const element = old ?? Array.from({ length: this.copies }, () => new Uint8Array(this.image.valueSize));
      element[cpu]?.set(value.subarray(0, this.image.valueSize));
      return element;
    });
  }

  delete(key: Uint8Array): number {
    return this.#elements.delete(nameOf(key, this.image.keySize)) ? 0 : -ERRNO.ENOENT;
  }

  *entries(): Iterable<MapEntry> {
    for (const [name, values] of this.#elements) {
      yield { key: Uint8Array.from(name, (character) => character.charCodeAt(0)), values };
    }
  }

  write(key: Uint8Array, values: readonly Uint8Array[], flags = 0n): number {
    return this.#put(key, flags, (old) => {
      if (this.copies === 1 || old === undefined) {
        return values.map((value) => value.slice(0, this.image.valueSize));
      }
      values.forEach((value, cpu) => {
        old[cpu]?.set(value.subarray(0, this.image.valueSize));
      });
      return old;
    });
  }

  #put(
    key: Uint8Array,
    flags: bigint,
    make: (old: readonly Uint8Array[] | undefined) => readonly Uint8Array[],
  ): number {
    if (flags > UPDATE.exist) return -ERRNO.EINVAL;
    const name = nameOf(key, this.image.keySize);
    const old = this.#elements.get(name);
    if (old !== undefined && flags === UPDATE.noExist) return -ERRNO.EEXIST;
    if (old === undefined && flags === UPDATE.exist) return -ERRNO.ENOENT;
    if (old === undefined && this.#elements.size >= this.image.maxEntries) {
      if (!this.#lru) return -ERRNO.E2BIG;
      for (const oldest of this.#elements.keys()) {
        this.#elements.delete(oldest);
        break;
      }
    }
    const element = make(old);
    if (this.#lru) this.#use(name, element);
    else this.#elements.set(name, element);
    return 0;
  }

  /** Moves the entry to the young end. */
  #use(name: string, element: readonly Uint8Array[]): void {
    this.#elements.delete(name);
    this.#elements.set(name, element);
  }
}

function nameOf(key: Uint8Array, size: number): string {
  let name = '';
  for (let index = 0; index < size; index++) name += String.fromCharCode(key[index] ?? 0);
  return name;
}
