/**
 * The token bucket as virtual clocks (GCRA): `clock` is the time at which everything admitted so far will have been
 * sent at C. Every byte is charged, whoever sent it, so that the cap holds whatever the mix of flows.
 */
import { atomic, i64, u64 as toU64, type u64 } from '../dsl/lang/index.ts';
import { greater, lesser, positive } from './branchless.ts';
import { config } from './config.ts';
import { HEAVY_LEVEL } from './sketch.ts';
import { state } from './state.ts';

/** What the bucket says of one packet at one time. */
export interface Debt {
  /** Delay until a heavy flow's packet would have been sent, ns; negative while there is credit. */
  readonly heavy: i64;
  /** The same for a mouse. */
  readonly mouse: i64;
  /** How far the mice's clock runs ahead, ns. */
  readonly mouseQueue: i64;
}

/**
 * Unused time that mice keep for themselves, at most (67 ms): they pass at once beside a heavy flow that has used up the
 * bucket's credit. It comes on top of that credit, so it must not grow with it.
 */
const MOUSE_CREDIT: i64 = 1n << 26n;

/** An eighth and a 64th more: 7/8 of the rate. */
const atMouseRate = (time: i64): i64 => time + (time >> 3n) + (time >> 6n);

/** Time that `bytes` take at the cap, ns. */
export function costOf(bytes: u64): u64 {
  return (bytes * config.nsPerByte) >> 20n;
}

/** Credit stops at B: a clock that lags further is brought up. Losing the race means that another CPU did it. */
function boundCredit(now: u64): i64 {
  const clock = state.clock;
  const floor = now - config.credit;
  if (i64(clock - floor) < 0n) {
    atomic.compareExchange(state, 'clock', clock, floor);
    return i64(floor - now);
  }
  return i64(clock - now);
}

export function debtOf(cost: u64, now: u64): Debt {
  const queue = boundCredit(now);
  const limit = atMouseRate(positive(queue));
  const credit = lesser(i64(config.credit), MOUSE_CREDIT);
  const mouseQueue = lesser(greater(i64(state.mouseClock - now), -credit), limit);
  const waiting = positive(mouseQueue);
  const own = i64(cost);
  return {
    heavy: queue - (waiting - (waiting >> 3n)) + own,
    mouse: lesser(mouseQueue + own + (own >> 3n), queue + own),
    mouseQueue,
  };
}

/** The delay of a flow at `level`: between T/2 and T it moves smoothly from a mouse's to a heavy one's, so that the hand-over reorders nothing. */
export function delayOf(debt: Debt, level: u64): i64 {
  if (level > HEAVY_LEVEL) return debt.heavy;
  const half = HEAVY_LEVEL / 2n;
  const start = positive(debt.mouse);
  if (level > half && debt.heavy > start) {
    return start + (((debt.heavy - start) * i64(level - half)) >> 29n);
  }
  return debt.mouse;
}

/** Charges an admitted packet. */
export function pay(cost: u64, mouse: boolean, mouseQueue: i64, now: u64): void {
  atomic.add(state, 'clock', cost);
  if (mouse) state.mouseClock = now + toU64(mouseQueue + atMouseRate(i64(cost)));
}
