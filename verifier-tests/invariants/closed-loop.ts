/** Senders that keep so many packets under way, as TCP does where something fills its window: one that has left makes room for the next. */
import type { Limit } from '../../cni/settings.ts';
import { departureOf, type Passed, passes } from './judge.ts';
import { executionOf, type Place, stepOf } from './run.ts';
import { drawn, packetOf, SECOND, START, sentAt } from './traffic.ts';

export interface Sender {
  readonly flow: number;
  readonly underWay: number;
  /** How long it sends; all begin at once. */
  readonly seconds: number;
}

export interface ClosedLoop {
  /** In the order in which they came. */
  readonly passed: readonly Passed[];
  readonly dropped: number;
}

/** From a packet's departure to the arrival of the one for which it makes room. */
const ROUND_TRIP = 100_000n;

/** Runs the program towards the Pod, where drops begin late, with what the senders, all of TCP and IPv4, send in frames of `length` bytes. */
export function closedLoop(
  limit: Limit,
  senders: readonly Sender[],
  length: number,
  place: Place,
): ClosedLoop {
  const execution = executionOf(limit, 7n, place, 'ingress');
  const due = senders.flatMap(({ flow, underWay, seconds }) => {
    const common = packetOf('tcp4', flow, 0, length);
    const end = START + BigInt(seconds * 1000) * (SECOND / 1000n);
    return Array.from({ length: underWay }, () => ({ common, end, now: START }));
  });
  const passed: Passed[] = [];
  let dropped = 0;
  try {
    for (let count = 0; ; count += 1) {
      const [next] = due.sort((a, b) => (a.now < b.now ? -1 : a.now > b.now ? 1 : 0));
      if (next === undefined) return { passed, dropped };
      const packet = sentAt(next.now, next.common, drawn(count));
      const outcome = execution.run(stepOf(packet));
      const departure = departureOf(packet, outcome);
      if (passes(outcome)) passed.push({ packet, departure });
      else dropped += 1;
      next.now = departure + ROUND_TRIP;
      if (next.now >= next.end) due.shift();
    }
  } finally {
    execution.close();
  }
}
