/**
 * BPF maps. A map is a module-level constant; its name in the object is the constant's name.
 * `lookup` gives a reference into the map's memory, or `undefined` where there is no such entry.
 */
import type { i64, u32, u64 } from './integers.ts';
import type { Field, SpinLock, Struct } from './layout.ts';
import type { Context } from './programs.ts';

/** Update flags (enum in linux/bpf.h): create or replace, create only, replace only. */
export declare const BPF_ANY: 0n;
export declare const BPF_NOEXIST: 1n;
export declare const BPF_EXIST: 2n;

/** What an update stores: all of a value but its spin lock, which stays as it is. */
export type Stored<V> = { [K in keyof V as V[K] extends SpinLock ? never : K]: V[K] };

export interface ArrayMap<V> {
  lookup(index: u32): V | undefined;
}

export interface HashMap<K, V> {
  lookup(key: K): V | undefined;
  /** 0n, or a negative errno. */
  update(key: K, value: Stored<V>, flags?: u64): i64;
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

/** Wake-up flags of a ring buffer (enum in linux/bpf.h); by default the reader wakes when it has read all there was. */
export declare const BPF_RB_NO_WAKEUP: 1n;
export declare const BPF_RB_FORCE_WAKEUP: 2n;

/** Records in order for user space, shared by all CPUs (kernel/bpf/ringbuf.c; Linux 5.8). */
export interface RingBuffer<V> {
  /**
   * Room for a record, zeroed, or `undefined` where the buffer is full. Every path must `submit` or `discard` it
   * before the program ends, and may not use it afterwards.
   */
  reserve(): V | undefined;
  /** Hands the record to user space. */
  submit(record: V, flags?: u64): void;
  /** Gives the record's room back. */
  discard(record: V, flags?: u64): void;
  /** Copies a whole record: 0n, or a negative errno (-11n: the buffer is full). */
  output(record: V, flags?: u64): i64;
}

/** `bytes`: of the whole buffer, a power of two and a multiple of the page size. */
export declare function ringBuffer<V>(options: {
  readonly value: Struct<V>;
  readonly bytes: number;
}): RingBuffer<V>;

/** Programs that user space puts in; a program goes on in one of them. */
export interface ProgramArray {
  /**
   * Ends the program and runs the one at `index` on the same packet: its result counts. Where there is none, or after
   * 33 such calls, the program goes on behind the call.
   */
  tailCall(context: Context<string>, index: u32): void;
}

/** All programs in it and those that use it are of one kind. */
export declare function programArray(options: { readonly maxEntries: number }): ProgramArray;

/** Maps that user space puts in and changes at any time, by key. */
export interface MapOfMaps<K, M> {
  lookup(key: K): M | undefined;
}

/** `inner`: what the maps that it holds are like, `arrayMap(...)` and so on; only their values differ. */
export declare function hashOfMaps<K, M>(options: {
  readonly key: Field<K>;
  readonly inner: M;
  readonly maxEntries: number;
}): MapOfMaps<K, M>;
export declare function arrayOfMaps<M>(options: {
  readonly inner: M;
  readonly maxEntries: number;
}): MapOfMaps<u32, M>;
