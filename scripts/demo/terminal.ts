import type { Direction } from '../../bench/live/phase.ts';
import { formatBytes, formatCount, formatRate, formatSeconds, formatShare } from './format.ts';
import type { DemoReport, PhaseReport, PodReport } from './report.ts';
import { LATENCY_TICKS, latencyPosition } from './scale.ts';
import { type Column, renderTable } from './table.ts';
import { judge } from './targets.ts';

const LEVELS = '▁▂▃▄▅▆▇█';
/** The sparkline's level that stands for the cap, so that what exceeds it can be seen. */
const CAP_LEVEL = 5;
const LATENCY_CELLS = 50;
const DIRECTIONS: ReadonlyArray<readonly [direction: Direction, words: string]> = [
  ['ingress', 'ingress (to the Pod)'],
  ['egress', 'egress (from the Pod)'],
];

/** The whole report for a terminal: figures, picture, verdicts, promises. */
export function renderReport(report: DemoReport): string {
  return [
    '',
    ...(report.simulatedBecause === undefined
      ? []
      : [`SIMULATION: natra's bytecode in the BPF VM, modelled TCP flows (${report.simulatedBecause})`, '']),
    ...renderTable(PHASE_COLUMNS, grouped(report.phases)),
    '',
    ...rates(report),
    '',
    ...latencies(report),
    '',
    ...verdicts(report.pods),
    ...judge(report).map(({ words, reached }) => `${reached ? '✓' : '✗'} ${words}`),
    '',
  ].join('\n');
}

/** One sparkline a limited phase: a cell a quarter of a second, the cap at a fixed height. */
export function sparkline(phase: PhaseReport): string {
  const cap = phase.rateBitsPerSecond ?? 1;
  return phase.series
    .map(({ rate }) => {
      const level = Math.round((rate / cap) * (CAP_LEVEL + 1)) - 1;
      return rate <= 0 ? ' ' : LEVELS[Math.min(LEVELS.length - 1, Math.max(0, level))];
    })
    .join('');
}

const PHASE_COLUMNS: ReadonlyArray<Column<PhaseReport>> = [
  { title: 'cap', value: (phase) => capOf(phase) },
  { title: 'limiter', value: (phase) => nameOf(phase), align: 'left' },
  { title: 'direction', value: (phase) => phase.direction, align: 'left' },
  { title: 'goodput', value: (phase) => formatRate(phase.goodput) },
  { title: "of cap's", value: (phase) => formatShare(phase.shareOfCap) },
  { title: 'fullest second', value: (phase) => formatBytes(phase.fullestSecond) },
  {
    title: 'allowed',
    value: (phase) => (phase.allowedSecond === undefined ? '-' : formatBytes(phase.allowedSecond)),
  },
  { title: 'mice', value: (phase) => miceOf(phase) },
  { title: 'p50', value: (phase) => formatSeconds(phase.mice.p50) },
  { title: 'p99', value: (phase) => formatSeconds(phase.mice.p99) },
  { title: 'resent', value: (phase) => formatCount(phase.retransmitted) },
];

function rates(report: DemoReport): string[] {
  const limited = report.phases.filter((phase) => phase.rateBitsPerSecond !== undefined);
  if (limited.length === 0) return [];
  const free = report.phases.filter((phase) => phase.limiter === 'none');
  const fastest = Math.max(0, ...free.map((phase) => phase.goodput));
  return [
    `rate on the wire over time, a cell a quarter of a second; ${LEVELS[CAP_LEVEL]} is the cap` +
      (fastest > 0 ? ` (no limit, ${formatRate(fastest)}, is off the chart)` : ''),
    ...limited.map((phase) => `  ${labelOf(phase)}  ${sparkline(phase)}`),
  ];
}

function latencies(report: DemoReport): string[] {
  const lines = [
    '10 kB requests beside the elephant, from connect to last byte: ━ p50, ─ to p99 (log scale)',
  ];
  for (const [direction, words] of DIRECTIONS) {
    lines.push(`  ${words}`);
    for (const phase of report.phases) {
      if (phase.direction === direction) lines.push(`    ${labelOf(phase, false)} ${latencyBar(phase)}`);
    }
  }
  const indent = `    ${' '.repeat(LABEL_WIDTH)} `;
  return [...lines, indent + axis()];
}

function latencyBar({ mice }: PhaseReport): string {
  if (mice.p50 === undefined || mice.p99 === undefined) return 'no requests';
  const middle = Math.max(1, Math.round(latencyPosition(mice.p50) * LATENCY_CELLS));
  const end = Math.max(middle, Math.round(latencyPosition(mice.p99) * LATENCY_CELLS));
  const bar = '━'.repeat(middle) + '─'.repeat(end - middle);
  return `${bar.padEnd(LATENCY_CELLS)} ${formatSeconds(mice.p50)} / ${formatSeconds(mice.p99)}`;
}

function axis(): string {
  let line = '';
  for (const [seconds, label] of LATENCY_TICKS) {
    line = line.padEnd(Math.round(latencyPosition(seconds) * LATENCY_CELLS)) + label;
  }
  return line;
}

function verdicts(pods: readonly PodReport[]): string[] {
  const rows = pods.flatMap((pod) => pod.verdicts.map((verdict) => ({ ...verdict, pod })));
  if (rows.length === 0) return [];
  return [
    "natra's verdicts (packets as the program saw them: a GSO packet is one)",
    ...renderTable(
      [
        { title: 'cap', value: ({ pod }) => capOf(pod) },
        { title: 'direction', value: ({ direction }) => direction, align: 'left' },
        { title: 'verdict', value: ({ verdict }) => verdict, align: 'left' },
        { title: 'packets', value: ({ packets }) => formatCount(packets) },
        { title: 'bytes', value: ({ bytes }) => formatBytes(bytes) },
      ],
      rows.filter(({ packets }) => packets > 0),
    ),
    '',
  ];
}

const LABEL_WIDTH = 20;

function labelOf(phase: PhaseReport, withDirection = true): string {
  const words = [capOf(phase), nameOf(phase), ...(withDirection ? [phase.direction] : [])];
  if (phase.limiter === 'none') words.shift();
  return words.join(' ').padEnd(withDirection ? LABEL_WIDTH + 8 : LABEL_WIDTH);
}

function nameOf(phase: PhaseReport): string {
  return phase.limiter === 'none' ? 'no limit' : phase.limiter;
}

function capOf({ rateBitsPerSecond }: { readonly rateBitsPerSecond: number | undefined }): string {
  return rateBitsPerSecond === undefined ? '-' : `${rateBitsPerSecond / 1e6} Mbit/s`;
}

function miceOf({ mice }: PhaseReport): string {
  return mice.failed === 0 ? formatCount(mice.count) : `${formatCount(mice.count)} (${mice.failed} failed)`;
}

/** The phases by cap, with a rule before each cap. */
function grouped(phases: readonly PhaseReport[]): Array<PhaseReport | undefined> {
  return phases.flatMap((phase, index) => {
    const starts = index > 0 && phases[index - 1]?.rateBitsPerSecond !== phase.rateBitsPerSecond;
    return starts ? [undefined, phase] : [phase];
  });
}
