import type { Limit } from '../../bench/live/cni.ts';
import type { Direction } from '../../bench/live/phase.ts';

export type LimiterName = 'none' | 'bandwidth' | 'natra';

export interface PhaseStep {
  readonly direction: Direction;
  readonly seconds: number;
  readonly micePerSecond: number;
}

/** The life of one Pod: created, limited (or not), loaded in both directions, deleted. */
export interface PodStep {
  readonly limiter: LimiterName;
  /** Absent for no limit. */
  readonly limit: Limit | undefined;
  readonly phases: readonly PhaseStep[];
}

/** A burst is 200 ms of its cap, whoever limits: 250 kB at 10 Mbit/s. */
const BURST_SECONDS = 0.2;
export const CAPS = [10_000_000, 100_000_000] as const;
export const DEFAULT_SECONDS = 60;
/** Below this a phase has no full second to measure. */
export const SHORTEST_SECONDS = 20;
/** Below this the comparison at the higher cap is left out, for the other phases to be long enough. */
const FULL_COMPARISON_SECONDS = 40;

/** Mice take a quarter of the smallest cap and make at least 200 samples a direction in a demo of full length. */
const MICE_PER_SECOND = 30;
/** What starting, ADD, DEL, draining queues and clearing up take: once, and for each Pod and phase. */
const OVERHEAD_SECONDS = { run: 3, pod: 1.1, phase: 0.3 };

/** Shares of the traffic's time. The smallest cap gets most: its mice are compared, and p99 needs many of them. */
const PODS: ReadonlyArray<{
  readonly limiter: LimiterName;
  readonly rateBitsPerSecond?: number;
  readonly share: number;
}> = [
  { limiter: 'none', share: 1.5 },
  { limiter: 'bandwidth', rateBitsPerSecond: CAPS[0], share: 7 },
  { limiter: 'natra', rateBitsPerSecond: CAPS[0], share: 7 },
  { limiter: 'bandwidth', rateBitsPerSecond: CAPS[1], share: 3 },
  { limiter: 'natra', rateBitsPerSecond: CAPS[1], share: 4 },
];

/** The demo's Pods in order, to take about `seconds` in all; without the `bandwidth` plugin its Pods are left out. */
export function planDemo(seconds: number, hasBandwidthPlugin: boolean): readonly PodStep[] {
  const isCompared = (rate: number | undefined): boolean =>
    hasBandwidthPlugin && (rate === CAPS[0] || seconds >= FULL_COMPARISON_SECONDS);
  const pods = PODS.filter(
    ({ limiter, rateBitsPerSecond }) => limiter !== 'bandwidth' || isCompared(rateBitsPerSecond),
  );
  const overhead = OVERHEAD_SECONDS.run + pods.length * (OVERHEAD_SECONDS.pod + 2 * OVERHEAD_SECONDS.phase);
  const shares = pods.reduce((sum, pod) => sum + 2 * pod.share, 0);
  return pods.map(({ limiter, rateBitsPerSecond, share }) => ({
    limiter,
    limit:
      rateBitsPerSecond === undefined
        ? undefined
        : { rateBitsPerSecond, burstBits: rateBitsPerSecond * BURST_SECONDS },
    phases: (['ingress', 'egress'] as const).map((direction) => ({
      direction,
      seconds: Math.max(1, ((seconds - overhead) * share) / shares),
      micePerSecond: MICE_PER_SECOND,
    })),
  }));
}
