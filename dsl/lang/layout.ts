/** Memory layouts: structs and fixed arrays, and the module-level state that has them. */
import type { u32 } from './integers.ts';

declare const held: unique symbol;

/** A place in memory that holds a `T`. */
export interface Field<T> {
  readonly [held]: T;
}

/** A fixed-length array in memory. The compiler must be able to prove every index to be in range. */
export interface FixedArray<T> {
  [index: number]: T;
  readonly length: u32;
}

type Members = Readonly<Record<string, Field<unknown>>>;
type Held<F> = F extends Field<infer T> ? T : never;

/** A struct layout; `size` is in bytes. */
export interface Struct<T> extends Field<T> {
  readonly size: u32;
}

/** What a reference to a layout is: `function f(ip: Ref<typeof IPv4>)`. */
export type Ref<L extends Field<unknown>> = Held<L>;

/** Fields in order, naturally aligned as in C. */
export declare function struct<const F extends Members>(
  fields: F,
): Struct<{ -readonly [K in keyof F]: Held<F[K]> }>;

/** Fields in order without any padding. */
export declare function packed<const F extends Members>(
  fields: F,
): Struct<{ -readonly [K in keyof F]: Held<F[K]> }>;

/** `length` elements in a row; `length` is a constant. */
export declare function array<T>(element: Field<T>, length: number): Field<FixedArray<T>>;

declare const lock: unique symbol;

/** A lock that all CPUs see; only `locked` can use it. */
export interface SpinLock {
  readonly [lock]: true;
}

/** A field of a map's value, at most one in each: struct bpf_spin_lock. Hash and array maps may have it, shared ones only. */
export declare const spinLock: Field<SpinLock>;

/** One instance that all CPUs share, readable from user space: zeroed in `.bss`, or with initial values in `.data`. */
export declare function global<T>(layout: Struct<T>, initial?: T): T;

/** Settings in `.rodata`: filled in by the loader, zero or `initial` where it doesn't, constant from then on. */
export declare function settings<T>(layout: Struct<T>, initial?: T): Readonly<T>;

/** A zeroed instance on the program's stack (512 bytes in all), live until the function ends. */
export declare function stack<T>(layout: Struct<T>): T;
