/** What programs have counted, in the text format of Prometheus (exposition format 0.0.4). */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { version } from '../../package.json';
import { VERDICTS } from '../verdicts.ts';
import type { DelayCount } from './delays.ts';
import type { LimitStatus, NodeStatus, UnlimitedStatus } from './node-status.ts';

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

const POD_LABELS = ['namespace', 'pod', 'container_id', 'interface'] as const;
const LIMIT_LABELS = [...POD_LABELS, 'direction'] as const;
type LimitLabels = Record<(typeof LIMIT_LABELS)[number], string>;

const podLabels = ({ namespace, pod, containerId, interface: ifname }: LimitStatus | UnlimitedStatus) => ({
  namespace,
  pod,
  container_id: containerId,
  interface: ifname,
});

const limitLabels = (limit: LimitStatus): LimitLabels => ({
  ...podLabels(limit),
  direction: limit.direction,
});

export async function metrics({ limits, unlimited }: NodeStatus): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const counted = { labelNames: [...LIMIT_LABELS, 'verdict'], registers };
  const packets = new Counter({
    name: 'natra_packets_total',
    help: 'Packets, by what became of them.',
    ...counted,
  });
  const bytes = new Counter({
    name: 'natra_bytes_total',
    help: 'Bytes on the wire, by what became of them.',
    ...counted,
  });
  const ofLimit = { labelNames: LIMIT_LABELS, registers };
  const cap = new Gauge({ name: 'natra_cap_bits_per_second', help: 'The limit.', ...ofLimit });
  const inForce = new Gauge({
    name: 'natra_in_force',
    help: '1 where all that makes up the limit is in the kernel, else 0.',
    ...ofLimit,
  });
  const earlier = new Gauge({
    name: 'natra_earlier_programs',
    help: "Programs and filters of others that packets meet before natra's: what they pass for good has no limit.",
    ...ofLimit,
  });
  const failed = new Gauge({
    name: 'natra_add_failed',
    help: '1 for an interface whose last ADD failed under failurePolicy "open".',
    labelNames: POD_LABELS,
    registers,
  });
  const falseHeavy = new Gauge({
    name: 'natra_false_heavy_ratio',
    help: 'Probability that a new flow is taken for a heavy one, since others fill its cells of the sketch.',
    ...ofLimit,
  });
  new Delays(limits, registers);
  const build = { name: 'natra_build_info', help: '1, with the release that tells.' };
  new Gauge({ ...build, labelNames: ['version'], registers }).set({ version }, 1);
  for (const limit of limits) {
    const labels = limitLabels(limit);
    cap.set(labels, limit.capBitsPerSecond);
    if (limit.faults.length > 0) inForce.set(labels, 0);
    else if (limit.unseen === undefined) inForce.set(labels, 1);
    if (limit.earlier !== undefined) earlier.set(labels, limit.earlier.length);
    if (limit.sketch !== undefined) falseHeavy.set(labels, limit.sketch.falseHeavy);
    if (limit.verdicts === undefined) continue;
    for (const { name: verdict } of VERDICTS) {
      packets.inc({ ...labels, verdict }, Number(limit.verdicts[verdict].packets));
      bytes.inc({ ...labels, verdict }, Number(limit.verdicts[verdict].bytes));
    }
  }
  for (const each of unlimited) failed.set(podLabels(each), 1);
  return registry.metrics();
}

const DELAYS = { name: 'natra_delay_seconds', help: 'How long packets that had to wait had to.' } as const;
const NANOSECONDS_PER_SECOND = 1e9;

/** A histogram that the kernel has kept. It adds nothing up, so there is no `_sum`. */
class Delays extends Histogram<string> {
  readonly #limits: readonly LimitStatus[];

  constructor(limits: readonly LimitStatus[], registers: Registry[]) {
    super({ ...DELAYS, labelNames: LIMIT_LABELS, registers });
    this.#limits = limits;
  }

  /** What the registry writes; prom-client knows no other way to bring counts of one's own. */
  getForPromString() {
    const values = this.#limits
      .filter(({ pacing, verdicts }) => pacing !== 'police' && verdicts !== undefined)
      .flatMap((limit) => series(limitLabels(limit), limit.delays));
    return { ...DELAYS, type: 'histogram', values };
  }
}

/**
 * 66 µs to 2.1 s, of each limit always: Prometheus can compare and add up only histograms that keep to the same bounds.
 * They are ends of the kernel program's own buckets.
 */
const BOUNDS = Array.from({ length: 16 }, (_, index) => 2 ** (16 + index));

/** Cumulative, as the format has it: each bucket counts all that waited no longer. */
function series(labels: LimitLabels, delays: readonly DelayCount[]) {
  const below = (nanoseconds: number): number =>
    delays
      .filter(({ belowNanoseconds }) => belowNanoseconds <= nanoseconds)
      .reduce((sum, delay) => sum + delay.packets, 0);
  const buckets = BOUNDS.map((bound) => ({
    metricName: `${DELAYS.name}_bucket`,
    labels: { ...labels, le: bound / NANOSECONDS_PER_SECOND },
    value: below(bound),
  }));
  const packets = below(Number.POSITIVE_INFINITY);
  return [
    ...buckets,
    { metricName: `${DELAYS.name}_bucket`, labels: { ...labels, le: '+Inf' }, value: packets },
    { metricName: `${DELAYS.name}_count`, labels, value: packets },
  ];
}
