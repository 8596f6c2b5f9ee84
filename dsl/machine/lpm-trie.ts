/**
 * Longest-prefix-match maps (kernel/bpf/lpm_trie.c). A key is a u32 prefix length in bits, host order, and the
 * data, most significant bit first.
 */
import type { MapImage } from '../object/image.ts';
import { ERRNO } from './errno.ts';
import { type MapEntry, UPDATE, type ValueMap } from './value-map.ts';

const PREFIX_BYTES = 4;

interface Prefix {
  readonly key: Uint8Array;
  readonly bits: number;
  readonly value: Uint8Array;
}

export class LpmTrie implements ValueMap {
  readonly image: MapImage;
  readonly copies = 1;
  readonly #longest: number;
  /** Longest prefixes first, so that the first match is the answer. */
  #prefixes: readonly Prefix[] = [];

  constructor(image: MapImage) {
    this.image = image;
    this.#longest = (image.keySize - PREFIX_BYTES) * 8;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const bits = bitsOf(key);
    if (bits > this.#longest) return undefined;
    return this.#prefixes.find((prefix) => prefix.bits <= bits && matches(prefix.key, key, prefix.bits))
      ?.value;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0n): number {
    const bits = bitsOf(key);
    if (flags > UPDATE.exist || bits > this.#longest) return -ERRNO.EINVAL;
    const old = this.#exact(key, bits);
    if (old !== undefined && flags === UPDATE.noExist) return -ERRNO.EEXIST;
    if (old === undefined && flags === UPDATE.exist) return -ERRNO.ENOENT;
    if (old === undefined && this.#prefixes.length >= this.image.maxEntries) return -ERRNO.ENOSPC;
    const prefix = {
      key: key.slice(0, this.image.keySize),
      bits,
      value: value.slice(0, this.image.valueSize),
    };
    this.#prefixes = [...this.#prefixes.filter((one) => one !== old), prefix].sort((a, b) => b.bits - a.bits);
    return 0;
  }

  delete(key: Uint8Array): number {
    const bits = bitsOf(key);
    if (bits > this.#longest) return -ERRNO.EINVAL;
    const old = this.#exact(key, bits);
    if (old === undefined) return -ERRNO.ENOENT;
    this.#prefixes = this.#prefixes.filter((one) => one !== old);
    return 0;
  }

  *entries(): Iterable<MapEntry> {
    for (const { key, value } of this.#prefixes) yield { key, values: [value] };
  }

  write(key: Uint8Array, values: readonly Uint8Array[], flags = 0n): number {
    return this.update(key, values[0] ?? new Uint8Array(this.image.valueSize), flags);
  }

  #exact(key: Uint8Array, bits: number): Prefix | undefined {
    return this.#prefixes.find((prefix) => prefix.bits === bits && matches(prefix.key, key, bits));
  }
}

function bitsOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, PREFIX_BYTES).getUint32(0, true);
}

function matches(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let index = PREFIX_BYTES; index < PREFIX_BYTES + whole; index++) {
    if (a[index] !== b[index]) return false;
  }
  const rest = bits & 7;
  if (rest === 0) return true;
  const difference = (a[PREFIX_BYTES + whole] ?? 0) ^ (b[PREFIX_BYTES + whole] ?? 0);
  return difference >> (8 - rest) === 0;
}
