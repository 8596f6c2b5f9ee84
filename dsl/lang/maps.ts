/**
 * BPF maps. A map is a module-level constant; its name in the object is the constant's name.
 * `lookup` gives a reference into the map's memory, or `undefined` where there is no such entry.
 */
import type { i64, u32, u64 } from './integers.ts';
import type { Field, Struct } from './layout.ts';

/** Update flags (enum in linux/bpf.h): create or replace, create only, replace only. */
export declare const BPF_ANY: 0n;
export declare const BPF_NOEXIST: 1n;
export declare const BPF_EXIST: 2n;

export interface ArrayMap<V> {
  lookup(index: u32): V | undefined;
}

export interface HashMap<K, V> {
  lookup(key: K): V | undefined;
  /** 0n, or a negative errno. */
  update(key: K, value: V, flags?: u64): i64;
  /** 0n, or a negative errno (-2n: no such entry). */
  delete(key: K): i64;
}

interface ArrayOptions<V> {
  readonly value: Struct<V>;
  readonly maxEntries: number;
}

interface HashOptions<K, V> {
  readonly key: Field<K>;
  readonly value: Struct<V>;
  readonly maxEntries: number;
}

export declare function arrayMap<V>(options: ArrayOptions<V>): ArrayMap<V>;
/** One copy of every value for each CPU; a program sees its own CPU's. */
export declare function percpuArrayMap<V>(options: ArrayOptions<V>): ArrayMap<V>;
export declare function hashMap<K, V>(options: HashOptions<K, V>): HashMap<K, V>;
export declare function percpuHashMap<K, V>(options: HashOptions<K, V>): HashMap<K, V>;
/** Evicts the least recently used entry when full. */
export declare function lruHashMap<K, V>(options: HashOptions<K, V>): HashMap<K, V>;
export declare function lruPercpuHashMap<K, V>(options: HashOptions<K, V>): HashMap<K, V>;

/** The start of a key of prefixes: how many bits of what follows count, most significant first. */
export interface PrefixKey {
  readonly prefixLength: u32;
}

/**
 * Networks and the like: a lookup gives the entry with the longest prefix that the key has. A key's `prefixLength` comes
 * first, then the address in network order (`be32`, or an array of bytes); look up with all of the address's bits.
 */
export declare function lpmTrieMap<K extends PrefixKey, V>(options: HashOptions<K, V>): HashMap<K, V>;
