/**
 * A Count-Min Sketch whose cells are leaky buckets: each is a virtual time that runs ahead of the clock by what its
 * flows sent above the drain rate C/16 (GCRA, ITU-T I.371). A cell needs no decay pass, since time itself drains it.
 * Conservative update (Estan and Varghese, SIGCOMM 2002): only cells below the new estimate are raised. Cells are
 * written without atomics: a lost update errs towards a mouse, and the bucket charges it all the same.
 */
import {
  max,
  min,
  i64 as signed,
  u32 as toU32,
  u64 as toU64,
  type u32,
  type u64,
} from '../dsl/lang/index.ts';
import { lesser } from './branchless.ts';
import { config, DEPARTURE_TIMES } from './config.ts';
import { COLUMNS, state } from './state.ts';

/** The four cells of a flow, one in each row. */
export interface Cells {
  readonly first: u32;
  readonly second: u32;
  readonly third: u32;
  readonly fourth: u32;
}

export function cellsOf(hash: u64): Cells {
  const column = COLUMNS - 1;
  return {
    first: toU32(hash) & column,
    second: COLUMNS + ((toU32(hash) >>> 16) & column),
    third: 2 * COLUMNS + (toU32(hash >> 32n) & column),
    fourth: 3 * COLUMNS + (toU32(hash >> 48n) & column),
  };
}

/** The least of the flow's cells: what it has sent, or more where others share all four. */
export function smallestOf(cells: Cells): u64 {
  return min(
    min(state.cells[cells.first], state.cells[cells.second]),
    min(state.cells[cells.third], state.cells[cells.fourth]),
  );
}

/** What `bytes` fill of a cell, `shift` doublings of it. */
export const fillingOf = (bytes: u64, shift: u64): u64 => ((bytes * config.cellNsPerByte) >> 20n) << shift;

/** What is left of a level up to twice T, in 1/1024 of T (of a power of two near it). */
const roomAbove = (level: u64): u64 => ((config.heavyLevel << 1n) - level) >> (config.handOverShift - 9n);

/** What of `filling` goes into cells at `level`. Only where flows wait in one queue does it matter how heavy each is; mice aren't. */
function part(filling: u64, level: u64): u64 {
  if (config.pacing !== DEPARTURE_TIMES || level <= config.heavyLevel) return filling;
  return (filling * toU64(lesser(signed(roomAbove(level)), 1024n))) >> 10n;
}

/**
 * The virtual time that the flow's cells, of which the least is `smallest`, would have with `filling` more. A heavy flow's
 * cells fill the slower the nearer they are to twice T, so that the level of one with the share x of C comes to rest where
 * T / 16x is left. No level is above twice T, so that a flow is forgotten T after its last packet at most.
 */
export function estimate(smallest: u64, filling: u64, now: u64): u64 {
  const start = max(smallest, now);
  return min(start + part(filling, start - now), now + (config.heavyLevel << 1n));
}

/**
 * The share of C that a heavy flow's level tells of where `shift` doublings of what it sends fill its cells, in 2^-8; half of C at
 * most: beyond it there are few others to be fair to. Divided in 32 bits: in 64 it takes older processors up to three times as long.
 */
export function shareAt(level: u64, shift: u64): u64 {
  return toU64(16384 / (toU32(max(roomAbove(level), 127n >> shift)) + 1)) >> shift;
}

/** Raises the flow's cells to `estimated`. */
export function charge(cells: Cells, estimated: u64): void {
  if (state.cells[cells.first] < estimated) state.cells[cells.first] = estimated;
  if (state.cells[cells.second] < estimated) state.cells[cells.second] = estimated;
  if (state.cells[cells.third] < estimated) state.cells[cells.third] = estimated;
  if (state.cells[cells.fourth] < estimated) state.cells[cells.fourth] = estimated;
}
