/**
 * Fixed-width integers. Up to 32 bits they are `number`, 64 bits are `bigint`, so TypeScript itself refuses
 * to mix them. The brand is optional: literals and arithmetic results are accepted where a width is named,
 * and the compiler checks what the brand can't say (narrowing, literals out of range).
 *
 * Each name is a type, a field of a layout, and an explicit conversion: `u16(x)` keeps the low 16 bits.
 */
import type { Field } from './layout.ts';

export type u8 = number & { readonly __w?: 'u8' };
export type u16 = number & { readonly __w?: 'u8' | 'u16' };
export type u32 = number & { readonly __w?: 'u8' | 'u16' | 'u32' };
export type i8 = number & { readonly __w?: 'i8' };
export type i16 = number & { readonly __w?: 'i8' | 'i16' | 'u8' };
export type i32 = number & { readonly __w?: 'i8' | 'i16' | 'i32' | 'u8' | 'u16' };
export type u64 = bigint & { readonly __w?: 'u64' };
export type i64 = bigint & { readonly __w?: 'i64' };

/** A conversion: wraps to the target's width, extends by the source's signedness; `true` is 1. */
export interface Integer<T extends number | bigint> extends Field<T> {
  (value: number | bigint | boolean): T;
}

export declare const u8: Integer<u8>;
export declare const u16: Integer<u16>;
export declare const u32: Integer<u32>;
export declare const u64: Integer<u64>;
export declare const i8: Integer<i8>;
export declare const i16: Integer<i16>;
export declare const i32: Integer<i32>;
export declare const i64: Integer<i64>;

/** Big-endian (network order) fields: reading gives the host's value, writing swaps back. */
export declare const be16: Field<u16>;
export declare const be32: Field<u32>;
export declare const be64: Field<u64>;
