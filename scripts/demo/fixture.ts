import type { Direction } from '../../bench/live/phase.ts';
import type { DemoReport, PhaseReport } from './report.ts';
import type { LimiterName } from './scenario.ts';

/** A phase at the cap (10 Mbit/s unless said) with the given p99, for tests of what is made of a report. */
export function phase(
  limiter: LimiterName,
  direction: Direction,
  p99: number,
  changes: Partial<PhaseReport> = {},
): PhaseReport {
  const limited = limiter !== 'none';
  const rate = limited ? 10_000_000 : undefined;
  return {
    limiter,
    rateBitsPerSecond: rate,
    burstBytes: limited ? 250_000 : undefined,
    direction,
    seconds: 4,
    goodput: limited ? 9_500_000 : 1e10,
    shareOfCap: limited ? 0.993 : undefined,
    fairness: 1,
    firstSecond: limited ? 1_400_000 : 1.3e9,
    fullestSecond: limited ? 1_400_000 : 1.3e9,
    allowedSecond: limited ? 1_500_000 : undefined,
    burstUsed: limited ? 150_000 : undefined,
    mice: { count: 120, failed: 0, p50: p99 / 2, p99 },
    retransmitted: 12,
    congestionMarked: 0,
    series: Array.from({ length: 16 }, (_, index) => ({ time: 0.125 + index / 4, rate: rate ?? 1e10 })),
    ...changes,
  };
}

/** A report of both directions with no limit, the bandwidth plugin and natra, all targets reached. */
export function report(changes: Partial<DemoReport> = {}): DemoReport {
  const directions: readonly Direction[] = ['ingress', 'egress'];
  return {
    kernel: '6.18.0',
    cpus: 2,
    mainPlugin: 'bridge',
    bandwidthPlugin: true,
    phases: [
      ...directions.map((direction) => phase('none', direction, 0.01)),
      ...directions.map((direction) => phase('bandwidth', direction, 0.45)),
      ...directions.map((direction) => phase('natra', direction, 0.002)),
    ],
    pods: [
      {
        limiter: 'natra',
        rateBitsPerSecond: 10_000_000,
        addMilliseconds: 60,
        delMilliseconds: 50,
        verdicts: [
          { direction: 'ingress', verdict: 'mice, passed', packets: 1234, bytes: 1_500_000 },
          { direction: 'ingress', verdict: 'paced', packets: 0, bytes: 0 },
        ],
        leftovers: [],
      },
    ],
    leftovers: [],
    seconds: 60,
    ...changes,
  };
}
