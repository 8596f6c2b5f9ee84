/** What programs have counted, as metrics of Prometheus. */
import { version } from '../../package.json';
import { VERDICTS } from '../verdicts.ts';
import type { DelayCount } from './delays.ts';
import { exposition, type Sample } from './exposition.ts';
import type { LimitStatus, NodeStatus, UnlimitedStatus } from './node-status.ts';

const podLabels = ({ namespace, pod, containerId, interface: ifname }: LimitStatus | UnlimitedStatus) => ({
  namespace,
  pod,
  container_id: containerId,
  interface: ifname,
});

const limitLabels = (limit: LimitStatus) => ({ ...podLabels(limit), direction: limit.direction });

export function metrics({ limits, unlimited }: NodeStatus): string {
  const ofLimits = (value: (limit: LimitStatus) => number): Sample[] =>
    limits.map((limit) => ({ labels: limitLabels(limit), value: value(limit) }));
  return exposition([
    {
      name: 'natra_packets_total',
      help: 'Packets, by what became of them.',
      type: 'counter',
      samples: limits.flatMap((limit) => verdicts(limit, 'packets')),
    },
    {
      name: 'natra_bytes_total',
      help: 'Bytes on the wire, by what became of them.',
      type: 'counter',
      samples: limits.flatMap((limit) => verdicts(limit, 'bytes')),
    },
    {
      name: 'natra_cap_bits_per_second',
      help: 'The limit.',
      type: 'gauge',
      samples: ofLimits(({ capBitsPerSecond }) => capBitsPerSecond),
    },
    {
      name: 'natra_in_force',
      help: '1 where all that makes up the limit is in the kernel, else 0.',
      type: 'gauge',
      samples: ofLimits(({ faults }) => (faults.length === 0 ? 1 : 0)),
    },
    {
      name: 'natra_add_failed',
      help: '1 for an interface whose last ADD failed under failurePolicy "open".',
      type: 'gauge',
      samples: unlimited.map((each) => ({ labels: podLabels(each), value: 1 })),
    },
    {
      // The kernel adds no times up, so there is no `_sum`.
      name: 'natra_delay_seconds',
      help: 'How long packets that had to wait had to.',
      type: 'histogram',
      samples: limits.flatMap((limit) => buckets(limitLabels(limit), limit.delays)),
    },
    {
      name: 'natra_build_info',
      help: '1, with the release that tells.',
      type: 'gauge',
      samples: [{ labels: { version }, value: 1 }],
    },
  ]);
}

/** None where the counters can't be read. */
function verdicts(limit: LimitStatus, counted: 'packets' | 'bytes'): Sample[] {
  const { verdicts: counts } = limit;
  if (counts === undefined) return [];
  return VERDICTS.map(({ name: verdict }) => ({
    labels: { ...limitLabels(limit), verdict },
    value: Number(counts[verdict][counted]),
  }));
}

const NANOSECONDS_PER_SECOND = 1e9;

/** Cumulative, as the format has it: each bucket counts all that waited no longer. */
function buckets(labels: Sample['labels'], delays: readonly DelayCount[]): Sample[] {
  let packets = 0;
  const below = delays.map((delay): Sample => {
    packets += delay.packets;
    const le = String(delay.belowNanoseconds / NANOSECONDS_PER_SECOND);
    return { suffix: '_bucket', labels: { ...labels, le }, value: packets };
  });
  return [
    ...below,
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: packets },
    { suffix: '_count', labels, value: packets },
  ];
}
