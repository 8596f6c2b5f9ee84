/**
 * The order within a flow that departure times could break: mice in debt wait behind one another, up to a second, while
 * a flow that has just turned heavy may be due at once, and would leave before its own earlier packets. So what has to
 * wait leaves its departure time in one cell of each of two rows, and no packet of a flow leaves before the earlier of
 * its two cells. Flows that meet others' in both cells would only wait longer; what has sent nothing for so long that
 * nothing of it can be waiting doesn't.
 */
import { max, min, type Skb, type u64 } from '../dsl/lang/index.ts';
import { config } from './config.ts';
import type { Cells } from './sketch.ts';
import { state } from './state.ts';

/** When the flow's last packet leaves; a time in the past, or 0, when it is gone. */
export function lastDeparture(cells: Cells, now: u64): u64 {
  if (state.lastDeparture <= now) return 0n;
  return min(state.departures[cells.first], state.departures[cells.second]);
}

/**
 * Whether something of the flow may be waiting: its cells of the sketch, of which `smallest` is the least, are no older than
 * its last packet, and none waits longer than its horizon and an eighth.
 */
export function mayWait(smallest: u64, now: u64): boolean {
  const longest = max(config.mouseHorizon, config.heavyHorizon);
  return smallest + longest + (longest >> 3n) >= now;
}

/** Keeps that the flow's packet leaves at `at`, later than all before. */
export function keepDeparture(cells: Cells, at: u64): void {
  state.lastDeparture = max(state.lastDeparture, at);
  state.departures[cells.first] = max(state.departures[cells.first], at);
  state.departures[cells.second] = max(state.departures[cells.second], at);
}

/** A stamp within this of now was made for this clock by the sender's own pacing; anything else is a receive time. */
const PLAUSIBLE: u64 = 1n << 33n;

/** Always written: a receive timestamp that reached fq as a departure time would be dropped by fq's horizon. */
export function depart(skb: Skb, at: u64, now: u64): void {
  const stamp = skb.tstamp;
  skb.tstamp = stamp > now && stamp - now < PLAUSIBLE ? max(stamp, at) : at;
}
