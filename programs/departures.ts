/**
 * The order within a flow that departure times could break: mice in debt wait behind one another, up to a second, while
 * a flow that has just turned heavy may be due at once, and would leave before its own earlier packets. So what has to
 * wait leaves its departure time in one cell of each of four rows, and no packet of a flow leaves before the earliest of
 * its four cells. Flows that meet others' in all of them only wait longer.
 */
import { max, min, type Skb, type u64 } from '../dsl/lang/index.ts';
import type { Cells } from './sketch.ts';
import { DEPARTURE_COLUMNS, state } from './state.ts';

/** As in the sketch, in rows half as long. */
function placesOf({ first, second, third, fourth }: Cells): Cells {
  const column = DEPARTURE_COLUMNS - 1;
  return {
    first: first & column,
    second: DEPARTURE_COLUMNS + (second & column),
    third: 2 * DEPARTURE_COLUMNS + (third & column),
    fourth: 3 * DEPARTURE_COLUMNS + (fourth & column),
  };
}

/** When the flow's last packet leaves; a time in the past, or 0, when it is gone. */
export function lastDeparture(cells: Cells, now: u64): u64 {
  if (state.lastDeparture <= now) return 0n;
  const places = placesOf(cells);
  return min(
    min(state.departures[places.first], state.departures[places.second]),
    min(state.departures[places.third], state.departures[places.fourth]),
  );
}

/** Keeps that the flow's packet leaves at `at`, later than all before. */
export function keepDeparture(cells: Cells, at: u64): void {
  state.lastDeparture = max(state.lastDeparture, at);
  const { first, second, third, fourth } = placesOf(cells);
  state.departures[first] = max(state.departures[first], at);
  state.departures[second] = max(state.departures[second], at);
  state.departures[third] = max(state.departures[third], at);
  state.departures[fourth] = max(state.departures[fourth], at);
}

/** A stamp within this of now was made for this clock by the sender's own pacing; anything else is a receive time. */
const PLAUSIBLE: u64 = 1n << 33n;

/** Always written: a receive timestamp that reached fq as a departure time would be dropped by fq's horizon. */
export function depart(skb: Skb, at: u64, now: u64): void {
  const stamp = skb.tstamp;
  skb.tstamp = stamp > now && stamp - now < PLAUSIBLE ? max(stamp, at) : at;
}
