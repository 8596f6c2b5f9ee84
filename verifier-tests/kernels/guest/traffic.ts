/**
 * Live TCP through a limited Pod: an elephant and fresh-connection mice, both ends in this one process, since starting
 * processes is what costs time in an emulated machine. Sockets stay in the network namespace in which they were made.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicSeconds } from '../../../bench/live/clock.ts';
import { ElephantSink, serveElephant } from '../../../bench/live/elephant.ts';
import { livingIn } from '../../../bench/live/local-rig.ts';
import { type Mouse, MouseClient, serveMice } from '../../../bench/live/mice.ts';
import type { Namespace } from '../../../bench/live/namespace.ts';
import {
  type IpCounters,
  readCounters,
  readTable,
  resentBetween,
  WireSampler,
} from '../../../bench/live/sampler.ts';
import { summarise } from '../../../bench/live/summary.ts';
import { meanRate, type Sample } from '../../../bench/live/window.ts';
import type { Direction } from '../../../cni/config/bandwidth.ts';
import { burstBytes, type Pacing } from '../../../cni/settings.ts';
import { inNetns } from '../../../loader/index.ts';
import type { TrafficFigures } from '../report.ts';
import type { LimitedPod } from './pod.ts';
import { collectGarbage, watchBusy } from './virtual-time.ts';

const SAMPLE_MILLISECONDS = 50;
const MICE_PER_SECOND = 20;
const MICE_START_SECONDS = 0.5;
const MICE_GRACE_SECONDS = 3;

interface Ports {
  readonly elephant: number;
  readonly mice: number;
}

export interface Servers {
  readonly pod: Ports;
  readonly client: Ports;
}

/** Servers of both roles at both ends; they live as long as the process. */
export async function startServers({ topology }: LimitedPod): Promise<Servers> {
  const at = (namespace: Namespace): Promise<Ports> =>
    livingIn(namespace, async () => ({ elephant: await serveElephant(), mice: await serveMice() }));
  return { pod: await at(topology.pod), client: await at(topology.client) };
}

/** Segments that the receiver had to keep until an earlier one came. */
function outOfOrder(): number {
  const table = readTable(readFileSync(`/proc/${process.pid}/net/netstat`, 'utf8'));
  return table.get('TcpExt.TCPOFOQueue') ?? 0;
}

const countersIn = (namespace: Namespace): IpCounters =>
  inNetns(namespace.path, () => readCounters(process.pid));

export interface TrafficPlan {
  readonly direction: Direction;
  readonly rateBitsPerSecond: number;
  readonly seconds: number;
  readonly mode: string;
  readonly pacing: Pacing;
  readonly ecn: boolean;
}

export async function measure(pod: LimitedPod, servers: Servers, plan: TrafficPlan): Promise<TrafficFigures> {
  const { direction, rateBitsPerSecond } = plan;
  const sending = direction === 'ingress' ? 'client' : 'pod';
  const receiver = pod.topology[sending === 'pod' ? 'client' : 'pod'];
  const sender = pod.topology[sending];
  const address = pod.senderAddress[direction];
  const ports = servers[sending];

  const elephant: Sample[] = [];
  const mice: Mouse[] = [];
  let broken: string | undefined;
  const before = countersIn(sender);
  collectGarbage();
  const endWatch = watchBusy();
  const seen = await livingIn(receiver, async () => {
    const unorderedBefore = outOfOrder();
    const wire = new WireSampler(() => readCounters(process.pid), SAMPLE_MILLISECONDS);
    const startedAt = monotonicSeconds();
    const sink = new ElephantSink(
      address,
      ports.elephant,
      (sample) => elephant.push(sample),
      (reason) => {
        broken = reason;
      },
    );
    const mouseBytes: Sample[] = [{ time: startedAt, bytes: 0 }];
    const client = new MouseClient(address, ports.mice, {
      onMouse: (mouse) => mice.push(mouse),
      onGoodput: (sample) => mouseBytes.push(sample),
    });
    try {
      await sleep(MICE_START_SECONDS * 1000);
      client.start(MICE_PER_SECOND, 1);
      await sleep((plan.seconds - MICE_START_SECONDS) * 1000);
      const endedAt = monotonicSeconds();
      await client.stop(MICE_GRACE_SECONDS);
      return {
        startedAt,
        endedAt,
        mouseBytes,
        wire: wire.samples,
        unordered: outOfOrder() - unorderedBefore,
      };
    } finally {
      wire.stop();
      sink.stop();
    }
  });
  const longestBusy = endWatch();
  if (broken !== undefined) throw new Error(broken);

  const retransmitted = resentBetween(before, countersIn(sender));
  const limit = { rateBitsPerSecond, burstBits: 8 * burstBytes({ rateBitsPerSecond, pacing: plan.pacing }) };
  const { startedAt, endedAt, mouseBytes, wire, unordered } = seen;
  const summary = summarise(
    { startedAt, endedAt, elephants: [elephant], mouseBytes, mice, wire, retransmitted, congestionMarked: 0 },
    limit,
  );
  return {
    direction,
    rateBitsPerSecond,
    mode: plan.mode,
    pacing: plan.pacing,
    ecn: plan.ecn,
    shareOfCap: summary.shareOfCap ?? 0,
    wireShare: meanRate(wire, startedAt + plan.seconds / 4, endedAt) / rateBitsPerSecond,
    fullestOverAllowed: summary.fullestSecond / (summary.allowedSecond ?? 1),
    retransmitted,
    outOfOrder: unordered,
    mice: summary.mice.count,
    failedMice: summary.mice.failed,
    mouseP50: 1000 * (summary.mice.p50 ?? Number.NaN),
    mouseP99: 1000 * (summary.mice.p99 ?? Number.NaN),
    longestBusy,
  };
}
