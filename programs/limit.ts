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
  type u64,
  unlikely,
  u64 as wide,
} from '../dsl/lang/index.ts';
import { costOf, debtOf, delayOf, pay } from './bucket.ts';
import { CLASSES, config, DEPARTURE_TIMES, POLICE } from './config.ts';
import { congestionShift } from './congestion.ts';
import { count } from './count.ts';
import { flowHash } from './hash.ts';
import { CE, ECT_1, ecnOf, markCe, NOT_ECT } from './mark.ts';
import { isVital, parse, wireBytes } from './parse.ts';
import { cellsOf, charge, estimate, HEAVY_LEVEL } from './sketch.ts';
import { DROPPED, DROPPED_EARLY, MARKED, MOUSE, PACED, PAID } from './verdicts.ts';

/** Packets up to this size (bare acknowledgements, mostly) get twice the horizon and are never dropped early. */
const SMALL_PACKET = 128;

/** Where the delay stands on the marking ramp: 0 before it, 65535 at its end. */
function rampOf(delay: i64): u32 {
  const into = wide(smax(delay - signed(config.rampStart), 0n));
  return toU32(min((into << 16n) >> config.rampShift, 65535n));
}

export function limit(skb: Skb): i32 {
  const packet = parse(skb);
  const wire = wireBytes(skb, packet);
  const bytes = wide(wire);
  const cells = cellsOf(flowHash(packet.addresses, packet.transport));
  const cost = costOf(bytes);

  let now = clock.coarse();
  let debt = debtOf(cost, now);
  const shift = congestionShift(debt.mouseQueue, now);
  let estimated = estimate(cells, bytes, shift, now);
  let delay = delayOf(debt, estimated - now);
  if (unlikely(delay > 0n)) {
    now = clock.now();
    debt = debtOf(cost, now);
    estimated = estimate(cells, bytes, shift, now);
    delay = delayOf(debt, estimated - now);
  }
  const heavy = estimated - now > HEAVY_LEVEL;
  let verdict: u32 = heavy ? PAID : MOUSE;

  if (unlikely(delay > 0n) && !isVital(packet)) {
    const small = wire <= SMALL_PACKET;
    const horizon = heavy ? config.heavyHorizon : config.mouseHorizon;
    if (delay > signed(small ? horizon << 1n : horizon)) {
      count(DROPPED, bytes);
      return TC_ACT_SHOT;
    }
    if (config.pacing !== POLICE) verdict = PACED;
    const ramp = rampOf(delay);
    if (ramp !== 0) {
      const ecn = ecnOf(skb);
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

  pay(cost, !heavy, debt.mouseQueue, now);
  if (config.pacing === CLASSES && heavy) {
    // Until its queue has drained the flow stays heavy: as a mouse it would overtake its own packets.
    estimated = max(estimated, now + HEAVY_LEVEL + config.heavyHorizon);
  }
  charge(cells, estimated);
  if (config.pacing === DEPARTURE_TIMES) depart(skb, now + wide(smax(delay, 0n)), now);
  else if (config.pacing === CLASSES)
    skb.priority = heavy && !isVital(packet) ? config.heavyClass : config.mouseClass;
  count(verdict, bytes);
  return TC_ACT_UNSPEC;
}

/** A stamp within this of now was made for this clock by the sender's own pacing; anything else is a receive time. */
const PLAUSIBLE: u64 = 1n << 33n;

/** Always written: a receive timestamp that reached fq as a departure time would be dropped by fq's horizon. */
function depart(skb: Skb, at: u64, now: u64): void {
  const stamp = skb.tstamp;
  skb.tstamp = stamp > now && stamp - now < PLAUSIBLE ? max(stamp, at) : at;
}
