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

/** One zero-initialised instance in `.bss`, shared by all CPUs and readable from user space. */
export declare function global<T>(layout: Struct<T>): T;

/** Settings in `.rodata`: filled in by the loader, constant from then on. */
export declare function settings<T>(layout: Struct<T>): Readonly<T>;

/** A zeroed instance on the program's stack (512 bytes in all), live until the function ends. */
export declare function stack<T>(layout: Struct<T>): T;
