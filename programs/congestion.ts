/**
 * The congestion shift: when mice alone keep the bucket in debt (more than 32 flows, each just below the threshold),
 * cells are filled up to 2^shift times faster, until the largest of them count as heavy.
 */
import { atomic, i64, min, type u64, unlikely } from '../dsl/lang/index.ts';
import { config } from './config.ts';
import { state } from './state.ts';

/** The shift moves at most once a tick of 2^24 ns (16.8 ms). */
const TICK_SHIFT = 24n;
/** An eighth of a doubling a tick. */
const STEP: u64 = 32n;

/** Doublings to apply to this packet's charge. */
export function congestionShift(mouseQueue: i64, now: u64): u64 {
  const tick = now >> TICK_SHIFT;
  const last = state.tick;
  const shift = state.shift;
  if (unlikely(tick !== last) && atomic.compareExchange(state, 'tick', last, tick) === last) {
    const elapsed = tick - last;
    const moved =
      mouseQueue > i64(config.congested)
        ? min(shift + STEP, config.shiftLimit)
        : shift > elapsed
          ? shift - elapsed
          : 0n;
    state.shift = moved;
    return moved >> 8n;
  }
  return shift >> 8n;
}
