import type { Direction } from '../../bench/live/phase.ts';
import { formatBytes, formatRate, formatSeconds } from './format.ts';
import { capsOf, type DemoReport, type PhaseReport } from './report.ts';
import { LATENCY_TICKS, latencyPosition } from './scale.ts';
import type { LimiterName } from './scenario.ts';
import { element, text } from './svg-element.ts';

const WIDTH = 1080;
const MARGIN = 40;
const GAP = 60;
const COLUMN = (WIDTH - 2 * MARGIN - GAP) / 2;
const CHART_HEIGHT = 150;
const BAR_HEIGHT = 15;
const BAR_PITCH = 26;
const BAR_LABEL = 152;
const BAR_FIGURES = 110;
/** The rate axis ends at this multiple of the cap. */
const RATE_SPAN = 1.6;

const COLOURS: Readonly<Record<LimiterName, string>> = {
  none: '#8b929a',
  bandwidth: '#e07b1f',
  natra: '#0b7f8c',
};
const INK = '#1f2933';
const FAINT = '#6b7785';
const RULE = '#d9dee3';
const CAP = '#c4314b';
const DIRECTIONS: ReadonlyArray<readonly [direction: Direction, words: string]> = [
  ['ingress', 'ingress: to the Pod'],
  ['egress', 'egress: from the Pod'],
];

/** The demo's result as one picture: rate against the cap over time, and the mice's latency on a log scale. */
export function renderSvg(report: DemoReport): string {
  const parts = [
    text(MARGIN, 44, headline(report), { 'font-size': 16, 'font-weight': 600 }),
    text(MARGIN, 68, subtitle(report), { fill: FAINT, 'font-size': 13 }),
    legend(report),
  ];
  let y = 132;
  parts.push(sectionTitle(y, 'Rate on the wire', rateNote(report)));
  y += 40;
  for (const cap of capsOf(report)) {
    DIRECTIONS.forEach(([direction, words], column) => {
      const phases = report.phases.filter(
        (phase) => phase.rateBitsPerSecond === cap && phase.direction === direction,
      );
      parts.push(rateChart(columnX(column), y, `${words}, ${capWords(cap, phases)}`, cap, phases));
    });
    y += CHART_HEIGHT + 68;
  }
  parts.push(
    sectionTitle(
      y,
      'Small requests beside one large transfer',
      'fresh connection, 10 kB response; time from connect to last byte; solid to the median (p50), light to p99; logarithmic',
    ),
  );
  y += 40;
  let bottom = y;
  DIRECTIONS.forEach(([direction, words], column) => {
    const phases = report.phases.filter((phase) => phase.direction === direction);
    const chart = latencyChart(columnX(column), y, words, phases);
    parts.push(chart.svg);
    bottom = Math.max(bottom, chart.bottom);
  });
  const height = bottom + 30;
  const frame = {
    xmlns: 'http://www.w3.org/2000/svg',
    width: WIDTH,
    height,
    viewBox: `0 0 ${WIDTH} ${height}`,
    'font-family': 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif',
    fill: INK,
  };
  const background = element('rect', { width: WIDTH, height, fill: '#ffffff' });
  return `${element('svg', frame, background, ...parts)}\n`;
}

/** What this run found at the smallest cap: the worse direction of each limiter. */
function headline(report: DemoReport): string {
  const cap = capsOf(report)[0];
  if (cap === undefined) return 'natra demo';
  const p99 = (limiter: LimiterName): string | undefined => {
    const phases = report.phases.filter((each) => each.limiter === limiter && each.rateBitsPerSecond === cap);
    return phases.length === 0
      ? undefined
      : formatSeconds(Math.max(...phases.map(({ mice }) => mice.p99 ?? 0)));
  };
  const other = p99('bandwidth');
  return (
    `99% of small requests beside a large transfer at ${formatRate(cap)}: within ` +
    `${p99('natra') ?? '-'} with natra${other === undefined ? '' : `, ${other} with bandwidth`}`
  );
}

function subtitle(report: DemoReport): string {
  if (report.simulatedBecause !== undefined)
    return "SIMULATION: natra's bytecode in the BPF VM, modelled TCP flows (cubic), no real traffic.";
  return (
    'One Pod, one large TCP transfer (cubic) and a stream of small requests at a time. ' +
    `Linux ${report.kernel}, ${report.cpus} CPUs, ${report.seconds.toFixed(0)} s in all.`
  );
}

function rateNote(report: DemoReport): string {
  const free = report.phases.filter((phase) => phase.limiter === 'none').map((phase) => phase.goodput);
  const off =
    free.length === 0 ? '' : `; without a limit it is ${formatRate(Math.max(...free))}, far off these charts`;
  return `everything that reached the receiver, in steps of a quarter of a second${off}`;
}

function legend(report: DemoReport): string {
  const names = [...new Set(report.phases.map((phase) => phase.limiter))];
  let x = MARGIN;
  const entries = names.map((name) => {
    const words = { none: 'no limit', bandwidth: "Debian's bandwidth plugin", natra: 'natra' }[name];
    const entry = [
      element('rect', { x, y: 86, width: 14, height: 14, rx: 3, fill: COLOURS[name] }),
      text(x + 20, 98, words, { 'font-size': 13 }),
    ];
    x += 46 + words.length * 7;
    return entry.join('');
  });
  const cap = element('line', { x1: x, x2: x + 26, y1: 93, y2: 93, ...CAP_LINE });
  return [...entries, cap, text(x + 32, 98, 'the cap', { 'font-size': 13 })].join('');
}

const CAP_LINE = { stroke: CAP, 'stroke-width': 1.5, 'stroke-dasharray': '6 4' };

function sectionTitle(y: number, title: string, note: string): string {
  return [
    element('line', { x1: MARGIN, x2: WIDTH - MARGIN, y1: y - 18, y2: y - 18, stroke: RULE }),
    text(MARGIN, y + 4, title, { 'font-size': 16, 'font-weight': 600 }),
    text(MARGIN, y + 22, note, { 'font-size': 12, fill: FAINT }),
  ].join('');
}

function capWords(cap: number, phases: readonly PhaseReport[]): string {
  const burst = phases[0]?.burstBytes;
  return `cap ${formatRate(cap)}${burst === undefined ? '' : `, burst ${formatBytes(burst)}`}`;
}

function columnX(column: number): number {
  return MARGIN + column * (COLUMN + GAP);
}

function rateChart(
  left: number,
  top: number,
  title: string,
  cap: number,
  phases: readonly PhaseReport[],
): string {
  const axisWidth = 74;
  const plotLeft = left + axisWidth;
  const plotWidth = COLUMN - axisWidth;
  const plotTop = top + 20;
  const seconds = Math.max(1, ...phases.map((phase) => phase.series.at(-1)?.time ?? 0));
  const x = (time: number): number => plotLeft + (time / seconds) * plotWidth;
  const y = (rate: number): number =>
    plotTop + CHART_HEIGHT * (1 - Math.min(RATE_SPAN, Math.max(0, rate / cap)) / RATE_SPAN);
  const rates = [0, cap / 2, cap].map((rate) => [
    element('line', { x1: plotLeft, x2: left + COLUMN, y1: y(rate), y2: y(rate), stroke: RULE }),
    text(plotLeft - 8, y(rate) + 4, rate === 0 ? '0' : formatRate(rate), {
      'text-anchor': 'end',
      'font-size': 11,
      fill: FAINT,
    }),
  ]);
  const step = Math.max(1, Math.ceil(seconds / 8));
  const times = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) =>
    text(x(index * step), plotTop + CHART_HEIGHT + 16, `${index * step} s`, {
      'text-anchor': 'middle',
      'font-size': 11,
      fill: FAINT,
    }),
  );
  const lines = phases.map((phase) =>
    element('polyline', {
      points: phase.series.map(({ time, rate }) => `${x(time).toFixed(1)},${y(rate).toFixed(1)}`).join(' '),
      fill: 'none',
      stroke: COLOURS[phase.limiter],
      'stroke-width': 2,
      'stroke-linejoin': 'round',
    }),
  );
  return [
    text(left, top + 4, title, { 'font-size': 13, 'font-weight': 600 }),
    ...rates.flat(),
    ...times,
    ...lines,
    element('line', { x1: plotLeft, x2: left + COLUMN, y1: y(cap), y2: y(cap), ...CAP_LINE }),
  ].join('');
}

function latencyChart(
  left: number,
  top: number,
  title: string,
  phases: readonly PhaseReport[],
): { readonly svg: string; readonly bottom: number } {
  const plotLeft = left + BAR_LABEL;
  const plotWidth = COLUMN - BAR_LABEL - BAR_FIGURES;
  const x = (seconds: number): number => plotLeft + latencyPosition(seconds) * plotWidth;
  const plotTop = top + 16;
  const bottom = plotTop + phases.length * BAR_PITCH + 4;
  const grid = LATENCY_TICKS.map(([seconds, label]) =>
    [
      element('line', { x1: x(seconds), x2: x(seconds), y1: plotTop, y2: bottom, stroke: RULE }),
      text(x(seconds), bottom + 15, label, { 'text-anchor': 'middle', 'font-size': 11, fill: FAINT }),
    ].join(''),
  );
  const bars = phases.map((phase, index) => latencyBar(phase, left, plotTop + 6 + index * BAR_PITCH, x));
  return {
    svg: [text(left, top + 4, title, { 'font-size': 13, 'font-weight': 600 }), ...grid, ...bars].join(''),
    bottom: bottom + 20,
  };
}

function latencyBar(
  { limiter, rateBitsPerSecond, mice }: PhaseReport,
  left: number,
  top: number,
  x: (seconds: number) => number,
): string {
  const label =
    rateBitsPerSecond === undefined ? 'no limit' : `${limiter}, ${rateBitsPerSecond / 1e6} Mbit/s`;
  const baseline = top + BAR_HEIGHT - 3;
  const parts = [
    text(left + BAR_LABEL - 8, baseline, label, { 'text-anchor': 'end', 'font-size': 12 }),
    text(left + COLUMN, baseline, `${formatSeconds(mice.p50)} / ${formatSeconds(mice.p99)}`, {
      'text-anchor': 'end',
      'font-size': 11,
      'font-weight': limiter === 'natra' ? 600 : 400,
    }),
  ];
  if (mice.p50 !== undefined && mice.p99 !== undefined) {
    const start = left + BAR_LABEL;
    const bar = (seconds: number, opacity: number): string =>
      element('rect', {
        x: start,
        y: top,
        width: Math.max(1, x(seconds) - start),
        height: BAR_HEIGHT,
        fill: COLOURS[limiter],
        // A tenth of a pixel is too coarse for a share.
        'fill-opacity': opacity.toFixed(2),
      });
    parts.push(bar(mice.p99, 0.4), bar(mice.p50, 1));
  }
  return parts.join('');
}
