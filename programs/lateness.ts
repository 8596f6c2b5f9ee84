/**
 * Even shares with departure times, which hold all heavy flows in one queue: there a flow's share is what it has under way. One
 * that has more than others leaves later than it is due. Its sender then waits longer for its acknowledgements, the others'
 * shorter, and nothing need be dropped to tell them. The bucket's clock knows nothing of it: the rate is used all the same.
 */
import { i64, smax, smin, u64 as toU64, type u64 } from '../dsl/lang/index.ts';
import { config } from './config.ts';
import { state } from './state.ts';

/** A packet moves the mean by a 64th of the difference. */
const MEAN_SHIFT = 6n;

/**
 * How much later than after `delay` the packet of a heavy flow leaves, ns: 64 times the delay for all of C that the flow's share
 * (2^-8 of C) is above the mean of the packets that wait. A flow alone comes to be that mean. With branches: behind the division that
 * the share takes, the longer chain of branchless steps is waited for.
 */
export function lateness(delay: i64, share: u64): u64 {
  const above = i64((share << 8n) - state.meanShare);
  state.meanShare += toU64(above >> MEAN_SHIFT);
  return toU64(smin((delay * smax(above, 0n)) >> 10n, i64(config.mostLate)));
}
