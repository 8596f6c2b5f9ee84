/**
 * The order within a flow that departure times could break: mice in debt wait behind one another, up to a second, while
 * a flow that has just turned heavy may be due at once, and would leave before its own earlier packets. So what has to
 * wait leaves its departure time in one cell of each of four rows, and no packet of a flow leaves before the earliest of
 * its four cells. Flows that meet others' in all of them only wait longer.
 */
import { max, min, type Skb, u32 as toU32, type u64 } from '../dsl/lang/index.ts';
import type { Cells } from './sketch.ts';
import { DEPARTURE_COLUMNS, state } from './state.ts';

/** As in the sketch, in rows half as long, by bits of the hash that it doesn't use. */
function placesOf(hash: u64): Cells {
  const column = DEPARTURE_COLUMNS - 1;
  return {
    first: (toU32(hash) >>> 7) & column,
    second: DEPARTURE_COLUMNS + ((toU32(hash) >>> 23) & column),
    third: 2 * DEPARTURE_COLUMNS + (toU32(hash >> 39n) & column),
    fourth: 3 * DEPARTURE_COLUMNS + (toU32(hash >> 55n) & column),
  };
}

/** When the flow's last packet leaves; a time in the past, or 0, when it is gone. */
export function lastDeparture(hash: u64, now: u64): u64 {
  if (state.lastDeparture <= now) return 0n;
  const places = placesOf(hash);
  return min(
    min(state.departures[places.first], state.departures[places.second]),
    min(state.departures[places.third], state.departures[places.fourth]),
  );
}

/** Keeps that the flow's packet leaves at `at`, later than all before. */
export function keepDeparture(hash: u64, at: u64): void {
  if (state.lastDeparture < at) state.lastDeparture = at;
  const { first, second, third, fourth } = placesOf(hash);
  if (state.departures[first] < at) state.departures[first] = at;
  if (state.departures[second] < at) state.departures[second] = at;
  if (state.departures[third] < at) state.departures[third] = at;
  if (state.departures[fourth] < at) state.departures[fourth] = at;
}

/** A stamp within this of now was made for this clock by the sender's own pacing; anything else is a receive time. */
export const PLAUSIBLE: u64 = 1n << 33n;
/**
 * The sender's own pacing counts so far beyond the time at which the packet is due, 268 ms: what it holds back has been charged, and
 * would leave all at once. TCP paces two GSO packets at most, which takes less from 4 Mbit/s on.
 */
export const OWN_PACING: u64 = 1n << 28n;

/**
 * The packet leaves at `at`, or as much as `most` later where its sender says so. Always written: a receive timestamp that reached
 * fq as a departure time would be dropped by fq's horizon.
 */
export function depart(skb: Skb, at: u64, now: u64, most: u64): void {
  const stamp = skb.tstamp;
  skb.tstamp = stamp > now && stamp - now < PLAUSIBLE ? min(max(stamp, at), at + most) : at;
}
