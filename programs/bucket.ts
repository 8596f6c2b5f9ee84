/**
 * The token bucket as virtual clocks (GCRA): `clock` is the time at which everything admitted so far will have been
 * sent at C. Every byte is charged, whoever sent it, so that the cap holds whatever the mix of flows.
 */
import {
  atomic,
  i64,
  type Ref,
  smax,
  smin,
  u64 as toU64,
  type u32,
  type u64,
  unlikely,
} from '../dsl/lang/index.ts';
import { lesser, positive } from './branchless.ts';
import { CLASSES, config } from './config.ts';
import { forget } from './forget.ts';
import { type Clock, state } from './state.ts';

/** How far the virtual clocks run ahead of one time. */
export interface Debt {
  /** That of all, ns; negative while there is credit. */
  readonly queue: i64;
  /** That of mice, ns; likewise. */
  readonly mouseQueue: i64;
  /** The mice's clock of which that was taken, before its bounds. */
  readonly mouseClock: u64;
}

/** Time that takes `time` at C takes this at the mice's share of it. */
const atMouseRate = (time: i64): i64 => (time * i64(config.mouseStretch)) >> 10n;

/** Time that `bytes` take at the cap, ns. */
export function costOf(bytes: u64): u64 {
  return (bytes * config.nsPerByte) >> 20n;
}

/**
 * How far the clock runs ahead of time, ns. Credit stops at a bound: a clock that lags further is brought up. Losing the
 * race means that another CPU did it.
 */
function queueOf(clock: Ref<typeof Clock>, credit: u64, now: u64): i64 {
  const time = clock.time;
  const floor = now - credit;
  if (unlikely(i64(time - floor) < 0n)) {
    atomic.compareExchange(clock, 'time', time, floor);
    return i64(floor - now);
  }
  return i64(time - now);
}

/**
 * What is owed `wait` ns from now. The mice's clock is read first: read second, it might hold a charge of another CPU that `queue` is
 * without, which the bound by `queue` would take back.
 */
export function debtAt(now: u64, wait: i64): Debt {
  const mouseClock = state.mouseClock;
  const owed = queueOf(state.clock, config.credit, now);
  const queue = config.nsPerPacket === 0n ? owed : smax(owed - wait, -i64(config.credit));
  // Mice that wait alone leave at C, so a heavy flow has beside them what their share leaves it and no more. HTB sees to that itself.
  const limit = config.pacing === CLASSES ? atMouseRate(positive(queue)) : positive(queue);
  const lag = smax(i64(mouseClock - now) - wait, -i64(config.mouseCredit));
  return { queue, mouseQueue: i64(forget(toU64(smin(lag, limit)))), mouseClock };
}

/**
 * Delay until a packet of a flow at `level` would have been sent, ns; not positive while there is credit. Shortly before T it
 * moves smoothly from a mouse's to a heavy one's, so that the flow isn't held up all at once.
 */
export function delayOf({ queue, mouseQueue }: Debt, cost: u64, level: u64): i64 {
  const all = queue + i64(cost);
  // No flow waits while nothing is owed for all of them, so most packets are done here. Under a packet-rate cap they may
  // wait all the same, and the verifier would follow there what it knows of the delay.
  if (all <= 0n) return config.nsPerPacket === 0n ? all : i64(forget(toU64(all)));
  const heavy = all - ((positive(mouseQueue) * i64(config.mouseShare)) >> 10n);
  if (level > config.heavyLevel) return heavy;
  const mouse = lesser(mouseQueue + atMouseRate(i64(cost)), all);
  const start = positive(mouse);
  // Classes can't hold it up in part.
  if (config.pacing === CLASSES) return mouse;
  const handOver = config.heavyLevel - (1n << config.handOverShift);
  if (level > handOver && heavy > start) {
    const part = i64((level - handOver) >> (config.handOverShift - 10n));
    return start + ((heavy - start) >> 10n) * part;
  }
  return mouse;
}

/** Charges an admitted packet that has waited for the packet-rate cap until `due`. */
export function payAll(cost: u64, due: u64): void {
  // What credit there is by then. Not before: a packet that is dropped leaves the clock as it was.
  if (config.nsPerPacket !== 0n) queueOf(state.clock, config.credit, due);
  atomic.add(state.clock, 'time', cost);
}

/**
 * Charges a mouse's packet to the mice's clock as well. While nothing is owed, a charge that another CPU's overwrites only leaves mice
 * more of the credit. While something is, each counts, or mice that send from several CPUs at once have more than C.
 */
export function payMouse(cost: u64, { queue, mouseQueue, mouseClock }: Debt, now: u64): void {
  const owed = toU64(atMouseRate(i64(cost)));
  const start = now + toU64(mouseQueue);
  if (config.pacing === CLASSES || queue <= 0n) {
    state.mouseClock = start + owed;
    return;
  }
  if (
    mouseClock !== start &&
    atomic.compareExchange(state, 'mouseClock', mouseClock, start + owed) === mouseClock
  )
    return;
  atomic.add(state, 'mouseClock', owed);
}

/** Time that these packets take at the packet-rate cap, ns. */
export function packetCostOf(packets: u32): u64 {
  return (toU64(packets) * config.nsPerPacket) >> 10n;
}

/** Delay until the packets are due at the packet-rate cap, ns; negative while there is credit. */
export function packetDelay(cost: u64, now: u64): i64 {
  return queueOf(state.packetClock, config.packetCredit, now) + i64(cost);
}

/** Charges admitted packets. */
export function payPackets(cost: u64): void {
  atomic.add(state.packetClock, 'time', cost);
}
