/**
 * The limiter, the same for both directions: key, estimate, decide, charge.
 *
 * Clocks: the coarse clock lags by up to a tick, so a debt read with it is never too small. When it says that nothing
 * is owed, nothing is; only otherwise the exact clock, twenty times as dear, decides.
 */
import {
  clock,
  type i32,
  type i64,
  max,
  min,
  random,
  type Skb,
  i64 as signed,
  smax,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
  u32 as toU32,
  type u32,
  unlikely,
  u64 as wide,
} from '../dsl/lang/index.ts';
import { costOf, debtOf, delayOf, packetCostOf, packetDelay, pay, payPackets } from './bucket.ts';
import { CLASSES, config, DEPARTURE_TIMES, POLICE } from './config.ts';
import { congestionShift } from './congestion.ts';
import { count, countDelay } from './count.ts';
import { depart, keepDeparture, lastDeparture } from './departures.ts';
import { isExcluded } from './exclusions.ts';
import { sample } from './flows.ts';
import { flowHash } from './hash.ts';
import { CE, ECT_1, ecnOf, markCe, NOT_ECT } from './mark.ts';
import { isVital, parse, wireBytes } from './parse.ts';
import { cellsOf, charge, estimate } from './sketch.ts';
import { DROPPED, DROPPED_EARLY, EXCLUDED, MARKED, MOUSE, PACED, PAID } from './verdicts.ts';

/** Packets up to this size (bare acknowledgements, mostly) get twice the horizon and are never dropped early. */
const SMALL_PACKET = 128;

/** Where the delay stands on the marking ramp: 0 before it, 65535 at its end. */
function rampOf(delay: i64): u32 {
  const into = wide(smax(delay - signed(config.rampStart), 0n));
  return toU32(min((into << 16n) >> config.rampShift, 65535n));
}

/** `otherEnd`: which end of the packets is not the Pod, SOURCE or DESTINATION. */
export function limit(skb: Skb, otherEnd: u32): i32 {
  const packet = parse(skb);
  const wire = wireBytes(skb, packet);
  const bytes = wide(wire);
  if (config.exclusions !== 0 && isExcluded(skb, otherEnd)) {
    if (config.pacing === DEPARTURE_TIMES) depart(skb, clock.coarse(), clock.coarse());
    count(EXCLUDED, bytes);
    return TC_ACT_UNSPEC;
  }
  const hash = flowHash(packet.addresses, packet.transport);
  const cells = cellsOf(hash);
  const cost = costOf(bytes);
  const packetCost = packetCostOf(skb.gsoSegs);

  let now = clock.coarse();
  let debt = debtOf(cost, now);
  const shift = congestionShift(debt.mouseQueue, now);
  let estimated = estimate(cells, bytes, shift, now);
  let delay = delayOf(debt, estimated - now);
  const packetsWait = config.nsPerPacket !== 0n && packetDelay(packetCost, now) > 0n;
  if (unlikely(delay > 0n || packetsWait)) {
    now = clock.now();
    debt = debtOf(cost, now);
    estimated = estimate(cells, bytes, shift, now);
    delay = delayOf(debt, estimated - now);
    // The packet-rate cap holds back no ARP and no neighbour discovery.
    if (config.nsPerPacket !== 0n && !isVital(packet)) delay = smax(delay, packetDelay(packetCost, now));
  }
  const heavy = estimated - now > config.heavyLevel;
  let verdict: u32 = heavy ? PAID : MOUSE;
  // When the packet leaves, if something holds it; that it waits behind its own flow's is no reason to mark it.
  let departure = now;

  if (unlikely(delay > 0n)) {
    const vital = isVital(packet);
    const small = wire <= SMALL_PACKET;
    const own = heavy ? config.heavyHorizon : config.mouseHorizon;
    const horizon = signed(vital ? config.vitalHorizon : small ? own << 1n : own);
    if (delay > horizon) {
      count(DROPPED, bytes);
      return TC_ACT_SHOT;
    }
    if (!vital) {
      departure = now + wide(delay);
      if (config.pacing !== POLICE) verdict = PACED;
      const ramp = rampOf(delay);
      if (ramp !== 0) {
        const ecn = config.ecn === 0 ? NOT_ECT : ecnOf(skb);
        const chance = wide(random.u32());
        const squared = wide(ramp) * wide(ramp);
        if (ecn === NOT_ECT) {
          if (heavy && !small && squared >> 3n > chance) {
            count(DROPPED_EARLY, bytes);
            return TC_ACT_SHOT;
          }
        } else if ((ecn === ECT_1 ? wide(ramp) << 16n : squared) > chance) {
          if (ecn !== CE) markCe(skb);
          verdict = MARKED;
        }
      }
    }
  }

  if (config.pacing === DEPARTURE_TIMES) {
    const last = lastDeparture(cells, now);
    if (unlikely(last > departure) && !isVital(packet)) {
      if (heavy && last - now > config.heavyHorizon << 1n) {
        count(DROPPED, bytes);
        return TC_ACT_SHOT;
      }
      departure = last;
      verdict = verdict === MARKED ? MARKED : PACED;
    }
    if (departure > now) keepDeparture(cells, departure);
    depart(skb, departure, now);
  } else if (config.pacing === CLASSES) {
    skb.priority = heavy && !isVital(packet) ? config.heavyClass : config.mouseClass;
    // Until its queue has drained the flow stays heavy: as a mouse it would overtake its own packets.
    if (heavy) estimated = max(estimated, now + config.heavyLevel + config.heavyHorizon);
  }
  if (config.pacing !== POLICE && departure > now) countDelay(signed(departure - now));
  if (heavy) sample(skb, hash, packet.transport, now + wide(debt.queue), cost, now);
  pay(cost, !heavy, debt.mouseQueue, now);
  if (config.nsPerPacket !== 0n) payPackets(packetCost);
  charge(cells, estimated);
  count(verdict, bytes);
  return TC_ACT_UNSPEC;
}
