/** natra's ADD, CHECK and DEL around live traffic, held to its promises. */
import { DIRECTIONS, type Direction } from '../../../cni/config/bandwidth.ts';
import { isRoomy } from '../../../cni/queue.ts';
import type { GuestPlan, TrafficFigures } from '../report.ts';
import { type Checks, require } from './checks.ts';
import { LimitedPod, type NatraOptions } from './pod.ts';
import { measure, type Servers, startServers } from './traffic.ts';
import { skippingIdleTime } from './virtual-time.ts';

const MBIT = 1e6;

/**
 * Without the elephant a request takes 5 ms on this emulated machine; behind it, several times its queue of 134 ms and more.
 * Of some fifty requests the 99th percentile is the slowest; it may have waited for the process that serves them all.
 */
const MOUSE_P50_MS = 15;
const MOUSE_P99_MS = 20;

interface Scenario {
  readonly rateBitsPerSecond: number;
  readonly seconds: number;
  readonly pacing: 'edt' | 'queue';
  /** With ECN as well: `ingress` where only drops or marks can tell the sender of the cap. */
  readonly withEcn?: 'ingress';
  /** What ADD is told; `auto` where it is silent. */
  readonly attachMode?: 'clsact';
  /** The Pod's device; veth where it is silent. */
  readonly device?: 'netkit';
}

/** Before the first measurement: what follows runs in code that has run before. */
const WARM_UP_SECONDS = 1;

/** A GSO packet is 52 ms of 10 Mbit/s: one at either end of a window of four seconds is already 2.6% of it. */
const SCENARIOS: readonly Scenario[] = [
  { rateBitsPerSecond: 10 * MBIT, seconds: 5, pacing: 'edt', withEcn: 'ingress' },
  { rateBitsPerSecond: 100 * MBIT, seconds: 3, pacing: 'edt', attachMode: 'clsact' },
  { rateBitsPerSecond: 10 * MBIT, seconds: 6, pacing: 'queue' },
  // Whole GSO packets take turns in the heavy class, where at 10 Mbit/s it cuts them.
  { rateBitsPerSecond: 100 * MBIT, seconds: 3, pacing: 'queue' },
];

const ON_NETKIT: Scenario = { rateBitsPerSecond: 10 * MBIT, seconds: 5, pacing: 'edt', device: 'netkit' };

export async function checkLimits(share: string, checks: Checks, { depth }: GuestPlan): Promise<void> {
  const scenarios = depth === 'whole' ? SCENARIOS : SCENARIOS.slice(0, 1);
  await onPod(
    checks,
    'a Pod joins the bridge',
    () => LimitedPod.onBridge(share),
    async (pod, servers) => {
      for (const [index, scenario] of scenarios.entries())
        await checkScenario(scenario, pod, servers, checks, index === 0);
    },
  );
  if (depth === 'whole' && checks.features.netkit)
    await onPod(
      checks,
      'a Pod has a netkit device',
      () => LimitedPod.onNetkit(share),
      (pod, servers) => checkScenario(ON_NETKIT, pod, servers, checks, false),
    );
}

async function onPod(
  checks: Checks,
  title: string,
  make: () => Promise<LimitedPod>,
  use: (pod: LimitedPod, servers: Servers) => Promise<void>,
): Promise<void> {
  let made: { readonly pod: LimitedPod; readonly servers: Servers } | undefined;
  await checks.run(title, async () => {
    const pod = await make();
    made = { pod, servers: await startServers(pod) };
    return pod.topology.pod.name;
  });
  if (made === undefined) return;
  try {
    await use(made.pod, made.servers);
  } finally {
    await made.pod.destroy();
  }
}

async function checkScenario(
  scenario: Scenario,
  pod: LimitedPod,
  servers: Servers,
  checks: Checks,
  warmUp: boolean,
): Promise<void> {
  const { rateBitsPerSecond, pacing, attachMode, device, seconds, withEcn } = scenario;
  const hook = attachMode ?? (checks.features.tcx ? 'tcx' : 'clsact');
  const mode = device === undefined ? hook : `${hook} on ${device}`;
  const options: NatraOptions = {
    NATRA_EDT_PACING: pacing === 'edt' ? 'on' : 'off',
    ...(attachMode && { NATRA_ATTACH_MODE: attachMode }),
  };
  const title = `${rateBitsPerSecond / MBIT} Mbit/s by ${pacing} and ${mode}`;
  await checks.run(`ADD to DEL at ${title}`, async () => {
    await pod.whileLimited(rateBitsPerSecond, options, async () => {
      await pod.call('CHECK', rateBitsPerSecond, options);
      if (warmUp)
        for (const direction of DIRECTIONS)
          await measure(pod, servers, {
            direction,
            rateBitsPerSecond,
            seconds: WARM_UP_SECONDS,
            mode,
            pacing,
            ecn: false,
          });
      const check = (direction: Direction, ecn: boolean) =>
        checks.run(`${direction} at ${title}${ecn ? ' with ECN' : ''}`, async () => {
          const plan = { direction, rateBitsPerSecond, seconds, mode, pacing, ecn };
          const figures = await skippingIdleTime(() => measure(pod, servers, plan));
          checks.traffic.push(figures);
          return judge(figures);
        });
      for (const direction of DIRECTIONS) await check(direction, false);
      if (withEcn !== undefined) {
        await pod.speak({ congestion: 'cubic', ecn: true });
        await check(withEcn, true);
        await pod.speak({ congestion: 'cubic', ecn: false });
      }
    });
    return 'nothing is left';
  });
}

/** The promises on traffic; throws with all that are broken. */
function judge(figures: TrafficFigures): string {
  const {
    direction,
    pacing,
    ecn,
    shareOfCap,
    wireShare,
    fullestOverAllowed,
    retransmitted,
    outOfOrder,
    mouseP50,
    mouseP99,
    longestBusy,
  } = figures;
  const words =
    `${(100 * shareOfCap).toFixed(1)}% of the cap (${(100 * wireShare).toFixed(1)}% on the wire), ${retransmitted} retransmitted, ${outOfOrder} out of order, ` +
    `fullest second ${(100 * fullestOverAllowed).toFixed(0)}% of cap and burst, ` +
    `mice p50 ${mouseP50.toFixed(1)} ms, p99 ${mouseP99.toFixed(1)} ms, busy for ${longestBusy.toFixed(1)} ms`;
  // The qdisc of the sender's own device holds its sockets back; towards the Pod it takes marks in place of drops, or room.
  const lossless =
    pacing === 'edt' ? direction === 'egress' || ecn : isRoomy(BigInt(figures.rateBitsPerSecond / 8));
  require(Math.abs(shareOfCap - 1) <= 0.03, `the goodput is not within 3% of the cap: ${words}`);
  require(fullestOverAllowed <= 1.02, `more than cap and burst in one second: ${words}`);
  require(!lossless || (retransmitted === 0 && outOfOrder === 0), `packets are lost or reordered: ${words}`);
  require(figures.failedMice === 0 &&
    mouseP50 < MOUSE_P50_MS &&
    mouseP99 - longestBusy < MOUSE_P99_MS, `mice wait: ${words}`);
  return words;
}
