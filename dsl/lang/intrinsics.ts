/** What the compiler lowers itself: atomics, clocks, randomness, ranges, branch hints. */
import type { i32, i64, u32, u64 } from './integers.ts';
import type { SpinLock } from './layout.ts';

type IntegerField<T> = { [K in keyof T]: T[K] extends number | bigint ? K : never }[keyof T];

/**
 * Sequentially consistent read-modify-write of a 32- or 64-bit field (RFC 9669 section 5.3):
 * `atomic.add(state, 'clock', cost)`, or with an index, `atomic.add(state.cells, i, 1n)`.
 * The `fetch` forms, `exchange` and `compareExchange` give the value from before.
 */
export interface Atomic {
  add<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): void;
  and<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): void;
  or<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): void;
  xor<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): void;
  fetchAdd<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): T[K];
  fetchAnd<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): T[K];
  fetchOr<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): T[K];
  fetchXor<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): T[K];
  exchange<T, K extends IntegerField<T>>(on: T, field: K, value: T[K]): T[K];
  compareExchange<T, K extends IntegerField<T>>(on: T, field: K, expected: T[K], value: T[K]): T[K];
}
export declare const atomic: Atomic;

/**
 * CLOCK_MONOTONIC in nanoseconds. `now` is exact (bpf_ktime_get_ns); `coarse` is the last tick's value, cheap
 * and up to a few ms behind (bpf_ktime_get_coarse_ns, Linux 5.11). `ticks` counts the timer's ticks, of 1 to 10 ms each (bpf_jiffies64,
 * Linux 5.5): cheaper than either, since the kernel puts a load in place of the call. A test build reads all from memory.
 */
export declare const clock: { now(): u64; coarse(): u64; ticks(): u64 };

/** 32 pseudo-random bits (bpf_get_prandom_u32). A test build reads them from memory. */
export declare const random: { u32(): u32 };

/**
 * 0, 1, ... count - 1, for `for (const i of range(4))`. Up to 1,000 rounds of a constant count the verifier walks; more,
 * or a count that only the program knows, run through bpf_loop (Linux 5.17), which takes up to 8,388,608.
 */
export declare function range(count: u32): Iterable<u32>;

/**
 * What `body` gives, run while `lock` is held: no other CPU is in a region of the same lock meanwhile. The lock is
 * released on every way out of `body`, which may only compute, load and store: no calls of the kernel, no second lock.
 */
export declare function locked<R>(lock: SpinLock, body: () => R): R;

export declare function min(a: u32, b: u32): u32;
export declare function min(a: u64, b: u64): u64;
export declare function max(a: u32, b: u32): u32;
export declare function max(a: u64, b: u64): u64;
/** The signed minimum and maximum. */
export declare function smin(a: i32, b: i32): i32;
export declare function smin(a: i64, b: i64): i64;
export declare function smax(a: i32, b: i32): i32;
export declare function smax(a: i64, b: i64): i64;

/** Marks a condition that usually holds. */
export declare function likely(condition: boolean): boolean;
/** Marks a condition that rarely holds: its block is placed out of the way. */
export declare function unlikely(condition: boolean): boolean;

/** Marks a function as a BPF subprogram, called and not inlined: `const f = noinline((a: u64): u64 => ...)`. */
export declare function noinline<F extends (...parameters: never[]) => unknown>(body: F): F;
