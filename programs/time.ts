/**
 * The time as most packets need it: the exact clock's, read once a tick of the kernel's timer and kept until the next. It lags by
 * up to a tick (10 ms at CONFIG_HZ=100), so a debt reckoned with it is never too small.
 */
import { atomic, clock, type u64, unlikely } from '../dsl/lang/index.ts';
import { state } from './state.ts';

/**
 * The time of the first packet in this tick, ns. Time and tick are kept without a lock, the tick as its exclusive or with the time:
 * where several CPUs read the clock at once, what they leave agrees with this tick no more, and the clock is read again. By chance it
 * may agree with one later tick: if nothing comes before that, its packets have an old time, and may use the credit once more.
 */
export function tickTime(): u64 {
  const ticks = clock.ticks();
  const time = state.time;
  if (!unlikely((time ^ state.timeCheck) !== ticks)) return time;
  // In two steps, so that no register holds the tick over a call on the way of every packet. In between no time agrees with it.
  state.timeCheck = ~ticks;
  const now = clock.now();
  state.time = now;
  atomic.xor(state, 'timeCheck', ~now);
  return now;
}
