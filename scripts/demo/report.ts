import type { Direction } from '../../bench/live/phase.ts';
import type { PhaseSummary } from '../../bench/live/summary.ts';
import { formatBytes, formatRate, formatSeconds, formatShare } from './format.ts';
import type { LimiterName, PodStep } from './scenario.ts';
import type { VerdictCount } from './verdicts.ts';

/** One phase as the demo tells it. */
export interface PhaseReport extends PhaseSummary {
  readonly limiter: LimiterName;
  /** Absent for no limit. */
  readonly rateBitsPerSecond: number | undefined;
  readonly burstBytes: number | undefined;
  readonly direction: Direction;
  readonly seconds: number;
}

/** What a limiter's ADD and DEL took, and what natra counted in between. */
export interface PodReport {
  readonly limiter: LimiterName;
  readonly rateBitsPerSecond: number | undefined;
  readonly addMilliseconds: number | undefined;
  readonly delMilliseconds: number | undefined;
  readonly verdicts: readonly VerdictCount[];
  /** What was there after DEL and not before ADD. */
  readonly leftovers: readonly string[];
}

export interface DemoReport {
  readonly kernel: string;
  readonly cpus: number;
  readonly mainPlugin: string;
  /** Whether Debian's `bandwidth` plugin took part. */
  readonly bandwidthPlugin: boolean;
  readonly phases: readonly PhaseReport[];
  readonly pods: readonly PodReport[];
  /** What the whole demo left on the machine. */
  readonly leftovers: readonly string[];
  readonly seconds: number;
  /** Why nothing of this was real traffic; absent for a live run. */
  readonly simulatedBecause?: string;
}

/** The phase of a limiter, cap and direction, where the demo had it. */
export function phaseOf(
  report: DemoReport,
  limiter: LimiterName,
  rateBitsPerSecond: number | undefined,
  direction: Direction,
): PhaseReport | undefined {
  return report.phases.find(
    (phase) =>
      phase.limiter === limiter &&
      phase.rateBitsPerSecond === rateBitsPerSecond &&
      phase.direction === direction,
  );
}

/** The caps of a report, rising. */
export function capsOf(report: DemoReport): number[] {
  const caps = report.phases.flatMap((phase) => phase.rateBitsPerSecond ?? []);
  return [...new Set(caps)].sort((a, b) => a - b);
}

/** `natra, 10 Mbit/s` */
export function describePod({ limiter, limit }: PodStep): string {
  return limit === undefined ? 'no limit' : `${limiter}, ${limit.rateBitsPerSecond / 1e6} Mbit/s`;
}

/** What a phase came to, in one line. */
export function describePhase(title: string, phase: PhaseReport): string {
  const share = phase.shareOfCap === undefined ? '' : ` (${formatShare(phase.shareOfCap)} of the cap's)`;
  return (
    `${title}: goodput ${formatRate(phase.goodput)}${share}, fullest second ${formatBytes(phase.fullestSecond)}, ` +
    `${phase.mice.count} mice, p50 ${formatSeconds(phase.mice.p50)}, p99 ${formatSeconds(phase.mice.p99)}`
  );
}
