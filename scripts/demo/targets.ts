import type { Direction } from '../../bench/live/phase.ts';
import { formatBytes, formatSeconds, formatShare } from './format.ts';
import { capsOf, type DemoReport, type PhaseReport, phaseOf } from './report.ts';

/** A promise of natra's, and what this run made of it. */
export interface Target {
  readonly words: string;
  readonly reached: boolean;
}

const GOODPUT_TOLERANCE = 0.05;
const MICE_FACTOR = 10;
const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** Every promise that the report has figures for. */
export function judge(report: DemoReport): readonly Target[] {
  const natra = report.phases.filter((phase) => phase.limiter === 'natra');
  return [
    ...natra.map(goodputTarget),
    ...natra.map(windowTarget),
    ...miceTargets(report),
    ...(report.simulatedBecause === undefined ? [leftoverTarget(report)] : []),
  ];
}

function leftoverTarget({ leftovers }: DemoReport): Target {
  const nothing = leftovers.length === 0;
  return {
    words: nothing
      ? 'nothing left: programs, maps, pins, links, qdiscs, filters, namespaces'
      : `left behind: ${leftovers.join(', ')}`,
    reached: nothing,
  };
}

function goodputTarget(phase: PhaseReport): Target {
  const share = phase.shareOfCap ?? 0;
  return {
    words: `${nameOf(phase)}: goodput ${formatShare(share)} of the cap's (95% to 105%)`,
    reached: Math.abs(share - 1) <= GOODPUT_TOLERANCE,
  };
}

function windowTarget(phase: PhaseReport): Target {
  const allowed = phase.allowedSecond ?? 0;
  return {
    words:
      `${nameOf(phase)}: fullest second on the wire ${formatBytes(phase.fullestSecond)}` +
      ` (cap and burst allow ${formatBytes(allowed)})`,
    reached: phase.fullestSecond <= allowed,
  };
}

/** Only the smallest cap: there one elephant's queue hurts most. */
function miceTargets(report: DemoReport): Target[] {
  const cap = capsOf(report)[0];
  return DIRECTIONS.flatMap((direction) => {
    const ours = phaseOf(report, 'natra', cap, direction);
    const theirs = phaseOf(report, 'bandwidth', cap, direction);
    if (ours?.mice.p99 === undefined || theirs?.mice.p99 === undefined) return [];
    const factor = theirs.mice.p99 / ours.mice.p99;
    return {
      words:
        `${nameOf(ours)}: mice p99 ${formatSeconds(ours.mice.p99)}, ${formatFactor(factor)} below bandwidth's ` +
        `${formatSeconds(theirs.mice.p99)} (at least ${MICE_FACTOR}x)`,
      reached: factor >= MICE_FACTOR,
    };
  });
}

function nameOf(phase: PhaseReport): string {
  return `${(phase.rateBitsPerSecond ?? 0) / 1e6} Mbit/s ${phase.direction}`;
}

function formatFactor(factor: number): string {
  return Number.isFinite(factor) ? `${factor.toFixed(factor < 10 ? 1 : 0)}x` : 'for ever';
}
