/**
 * Minimum and maximum without branches. Times are below 2^63 ns, so differences don't overflow. A branch would be
 * as fast; but the verifier follows both sides of each through all that comes after, and remembers what it
 * learned on either, so that eight of them made it process three times as many instructions.
 */
import type { i64 } from '../dsl/lang/index.ts';

/** max(x, 0). */
export const positive = (x: i64): i64 => x & ~(x >> 63n);

export const lesser = (a: i64, b: i64): i64 => a + ((b - a) & ((b - a) >> 63n));

export const greater = (a: i64, b: i64): i64 => a - ((a - b) & ((a - b) >> 63n));
