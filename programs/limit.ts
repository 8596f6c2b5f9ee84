/**
 * The limiter, the same for both directions: key, estimate, decide, charge.
 *
 * Clocks: the time that most packets are given (time.ts) lags by up to a tick, so a debt reckoned with it is never too small. When it
 * says that nothing is owed, nothing is; only otherwise the exact clock, as dear as all the rest, decides.
 */
import {
  classifier,
  clock,
  type i64,
  max,
  random,
  i64 as signed,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u32 as toU32,
  type u32,
  type u64,
  unlikely,
  u64 as wide,
} from '../dsl/lang/index.ts';
import { greater, lesser, positive } from './branchless.ts';
import {
  costOf,
  debtAt,
  delayOf,
  packetCostOf,
  packetDelay,
  payAll,
  payMouse,
  payPackets,
} from './bucket.ts';
import { CLASSES, config, DEPARTURE_TIMES, NEITHER, POLICE } from './config.ts';
import { congestionShift } from './congestion.ts';
import { count, countDelay } from './count.ts';
import { depart, keepDeparture, lastDeparture, OWN_PACING, PLAUSIBLE } from './departures.ts';
import { isExcluded } from './exclusions.ts';
import { sample } from './flows.ts';
import { forget, forget32 } from './forget.ts';
import { flowHash } from './hash.ts';
import { lateness } from './lateness.ts';
import { CE, ECT_1, ecnOf, markCe, NOT_ECT } from './mark.ts';
import { isVital, networkLayer, parse } from './parse.ts';
import { cellsOf, charge, estimate, fillingOf, shareAt, smallestOf } from './sketch.ts';
import { tickTime } from './time.ts';
import { DROPPED, DROPPED_EARLY, EXCLUDED, MARKED, PACED } from './verdicts.ts';
import { segmentsOf } from './wire.ts';

/** Packets up to this size (bare acknowledgements, mostly) get an eighth more horizon and are never dropped early. */
const SMALL_PACKET: u64 = 128n;

/** 1 up to that size, else 0: not a branch, whose outcome the verifier would remember until it is asked again. */
const isSmall = (bytes: u64): u64 => (bytes - (SMALL_PACKET + 1n)) >> 63n;

/** The horizon of small packets, for `small` 1, or of others. */
const horizonOf = (horizon: u64, small: u64): u64 => horizon + (horizon >> 3n) * small;

/** 1 for a level above the threshold, else 0; likewise. As a verdict it is PAID or MOUSE. */
const isHeavy = (level: u64): u64 => forget((config.heavyLevel - level) >> 63n);

/** Where the delay stands on the marking ramp: 0 before it, 65535 at its end. */
function rampOf(delay: i64): u64 {
  const into = wide(positive(delay - signed(config.rampStart)));
  return wide(lesser(signed((into << 16n) >> config.rampShift), 65535n));
}

/**
 * How likely a heavy packet is dropped early, in 2^-32. Where heavy flows wait in one queue, one with twice another's share is
 * told four times as often: where all hear the same, TCP takes many seconds to share evenly.
 */
function dropChance(delay: i64, share: u64): u64 {
  const ramp = rampOf(delay - signed(config.dropAfter));
  if (config.pacing !== DEPARTURE_TIMES) return (ramp * ramp) >> 3n;
  const late = (ramp * share) >> 4n;
  return (late * late) >> 7n;
}

/**
 * Whether the sender of a flow would hear of an early drop: where something of the flow waits. A Pod's own TCP is told at once, and sends
 * the packet when something comes back for those under way; without any it would be silent for its shortest retransmission
 * timeout, 200 ms (tcp_check_probe_timer, include/net/tcp.h), which is no smaller share but none.
 */
const hears = (hash: u64, now: u64): boolean =>
  config.pacing !== DEPARTURE_TIMES || lastDeparture(hash, now) > now;

/** HTB's own handle: what names it as its class is sent at once (HTB_DIRECT, net/sched/sch_htb.c). */
const pastClasses = (): u32 => config.mouseClass & 0xffff0000;

export const limit = classifier((skb) => {
  const packet = parse(skb);
  const bytes = wide(packet.wireBytes);
  if (config.exclusions !== NEITHER && isExcluded(skb)) {
    if (config.pacing === DEPARTURE_TIMES) {
      const now = tickTime();
      depart(skb, now, now, PLAUSIBLE);
    }
    if (config.pacing === CLASSES) skb.priority = pastClasses();
    count(EXCLUDED, bytes);
    return TC_ACT_UNSPEC;
  }
  const hash = flowHash(packet.addresses, packet.transport);
  const cells = cellsOf(hash);
  const cost = costOf(bytes);
  const packetCost = config.nsPerPacket === 0n ? 0n : packetCostOf(segmentsOf(skb));

  let now = tickTime();
  let debt = debtAt(now, 0n);
  const smallest = smallestOf(cells);
  const shift = congestionShift(debt.mouseQueue, now);
  const filling = fillingOf(bytes, shift);
  let estimated = estimate(smallest, filling, now);
  let heavy = isHeavy(estimated - now);
  let verdict = toU32(heavy);
  let delay = delayOf(debt, cost, estimated - now);
  // When the packet leaves, if something holds it; that it waits behind its own flow's is no reason to mark it.
  let departure = now;
  // When its bytes are charged: where the packet-rate cap holds it, as it leaves that. Charged as they come, packets of which each
  // waits shorter for that cap than the one before it would leave faster than C.
  let due = now;
  const packetsWait = config.nsPerPacket !== 0n && packetDelay(packetCost, now) > 0n;
  // A flow that only seems heavy, by a time that lags, would be so for long in the class of heavy flows.
  const seemsHeavy = config.pacing === CLASSES && heavy !== 0n;
  if (unlikely(delay > 0n || packetsWait || seemsHeavy)) {
    now = clock.now();
    departure = now;
    // The packet-rate cap holds back no ARP and no neighbour discovery.
    const held = config.nsPerPacket !== 0n && !isVital(packet);
    const wait = held ? positive(packetDelay(packetCost, now)) : 0n;
    const ahead = config.pacing === DEPARTURE_TIMES ? wait : 0n;
    due = now + wide(ahead);
    debt = debtAt(now, ahead);
    estimated = estimate(smallest, filling, now);
    heavy = isHeavy(estimated - now);
    verdict = toU32(heavy);
    delay = delayOf(debt, cost, estimated - now);
    if (config.nsPerPacket !== 0n)
      delay = config.pacing === DEPARTURE_TIMES ? positive(delay) + wait : greater(delay, wait);
    if (delay > 0n) {
      const vital = isVital(packet);
      const small = isSmall(bytes);
      const own = config.mouseHorizon + heavy * (config.heavyHorizon - config.mouseHorizon);
      if (delay > signed(vital ? config.vitalHorizon : horizonOf(own, small))) {
        count(DROPPED, bytes);
        return TC_ACT_SHOT;
      }
      if (!vital) {
        departure = now + wide(delay);
        let share = 0n;
        if (config.pacing === DEPARTURE_TIMES && heavy !== 0n && small === 0n) {
          share = shareAt(estimated - now, shift);
          departure += lateness(delay, share);
        }
        if (config.pacing !== POLICE) verdict = forget32(PACED);
        const ramp = rampOf(delay);
        if (ramp !== 0n) {
          const network = networkLayer(skb);
          const ecn = config.ecn === 0 ? NOT_ECT : ecnOf(skb, network);
          const chance = wide(random.u32());
          if (ecn === NOT_ECT) {
            if (dropChance(delay, share) * heavy * (1n - small) > chance && hears(hash, now)) {
              count(DROPPED_EARLY, bytes);
              return TC_ACT_SHOT;
            }
          } else if ((ecn === ECT_1 ? ramp << 16n : ramp * ramp) > chance) {
            if (ecn !== CE) markCe(skb, network);
            verdict = forget32(MARKED);
          }
        }
      }
    }
  }

  if (config.pacing === DEPARTURE_TIMES) {
    const last = lastDeparture(hash, now);
    if (unlikely(last > departure) && !isVital(packet)) {
      if ((last - now) * heavy > horizonOf(config.heavyHorizon, 1n)) {
        count(DROPPED, bytes);
        return TC_ACT_SHOT;
      }
      departure = last;
      verdict = toU32(greater(signed(wide(verdict)), signed(wide(PACED))));
    }
    depart(skb, departure, now, OWN_PACING);
  }
  // Ahead of the counters: an atomic operation waits for all before it.
  payAll(cost, due);
  if (config.nsPerPacket !== 0n) payPackets(packetCost);
  if (config.pacing !== POLICE && departure > now) {
    if (config.pacing === DEPARTURE_TIMES) keepDeparture(hash, departure);
    countDelay(signed(departure - now));
  }
  if (heavy === 0n) {
    payMouse(cost, debt, due);
    if (config.pacing === CLASSES) skb.priority = config.mouseClass;
  } else {
    sample(skb, hash, packet.transport, due + wide(debt.queue), cost, now);
    if (config.pacing === CLASSES) {
      skb.priority = isVital(packet) ? config.mouseClass : config.heavyClass;
      // Flows may take turns in an fq, to which anything else is a departure time.
      skb.tstamp = 0n;
      // Until its queue has drained the flow stays heavy: as a mouse it would overtake its own packets.
      estimated = max(estimated, now + config.heavyLevel + config.heavyHorizon);
    }
  }
  charge(cells, estimated);
  count(verdict, bytes);
  return TC_ACT_UNSPEC;
});
