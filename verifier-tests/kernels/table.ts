/** What the runs found, as tables of Markdown whose first column is the kernel. */
import type { ProgramFigures, SoakSample, TrafficFigures } from './report.ts';
import type { KernelRun } from './run.ts';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** With columns as wide as their widest cell. */
export function markdown({ head, rows }: Table): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, 3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, fill)).join(' | ')} |`;
  return [line(head), line([], '-'), ...rows.map((row) => line(row))].join('\n');
}

/** The table of this head in a document; without rows where there is none. */
export function tableIn(document: string, head: readonly string[]): Table {
  const lines = document.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const start = lines.findIndex((cells) => head.every((name, column) => cells[column + 1] === name));
  if (start < 0) return { head, rows: [] };
  const end = lines.findIndex((cells, index) => index > start && cells.length === 1);
  const rows = lines.slice(start + 2, end < 0 ? undefined : end).map((cells) => cells.slice(1, -1));
  return { head, rows };
}

/** Those in which the kernels differ. */
const SHOWN_FEATURES = ['atomics that fetch', 'tcx', 'netkit', 'fq'];

const KERNEL_HEAD = ['kernel', 'release', 'checks', ...SHOWN_FEATURES, 'seconds'];

export function kernelsTable(runs: readonly KernelRun[]): Table {
  const rows = runs.map(({ row, report, seconds }) => {
    const checks = report?.checks ?? [];
    const passed = checks.filter(({ outcome }) => outcome === 'passed').length;
    const has = (feature: string): string => (report?.features[feature] ? 'yes' : 'no');
    const counted = report === undefined ? 'did not run' : `${passed} of ${checks.length}`;
    const features = SHOWN_FEATURES.map((name) => (report === undefined ? '' : has(name)));
    return [row.name, report?.release ?? '', counted, ...features, seconds.toFixed(0)];
  });
  return { head: KERNEL_HEAD, rows };
}

export const PROGRAM_HEAD = [
  'kernel',
  'program',
  'class',
  'processed',
  'states',
  'peak states',
  'stack, bytes',
  'translated, bytes',
  'machine code, bytes',
];

export function programsTable(runs: readonly KernelRun[]): Table {
  const rowOf = (kernel: string, figures: ProgramFigures): string[] => [
    kernel,
    figures.program,
    figures.class,
    ...[figures.processedInstructions, figures.totalStates, figures.peakStates].map(String),
    figures.stackBytes.join(' + '),
    ...[figures.translatedBytes, figures.jitedBytes].map(String),
  ];
  const rows = runs.flatMap(({ row, report }) =>
    (report?.programs ?? []).map((figures) => rowOf(row.name, figures)),
  );
  return { head: PROGRAM_HEAD, rows };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

const TRAFFIC_HEAD = [
  'kernel',
  'direction',
  'cap',
  'pacing',
  'mode',
  'ECN',
  'goodput',
  'wire',
  'resent',
  'out of order',
  'p50, ms',
  'p99, ms',
];

export function trafficTable(runs: readonly KernelRun[]): Table {
  const rowOf = (kernel: string, figures: TrafficFigures): string[] => [
    kernel,
    figures.direction,
    `${figures.rateBitsPerSecond / 1e6}M`,
    figures.pacing,
    figures.mode,
    figures.ecn ? 'on' : 'off',
    percent(figures.shareOfCap),
    percent(figures.wireShare),
    ...[figures.retransmitted, figures.outOfOrder].map(String),
    ...[figures.mouseP50, figures.mouseP99].map((milliseconds) => milliseconds.toFixed(1)),
  ];
  const rows = runs.flatMap(({ row, report }) =>
    (report?.traffic ?? []).map((figures) => rowOf(row.name, figures)),
  );
  return { head: TRAFFIC_HEAD, rows };
}

const SOAK_HEAD = ['kernel', 'what', 'Pods so far', 'at the start', 'half way', 'at the end'];

/** What lay in the kernel at three moments of each soak. */
export function soakTable(runs: readonly KernelRun[]): Table {
  const rowsOf = (kernel: string, samples: readonly SoakSample[]): string[][] => {
    const moments = [samples[0], samples[samples.length >> 1], samples.at(-1)];
    const shown = (each: SoakSample | undefined, name: string): string => String(each?.counts[name] ?? '');
    const names = Object.keys(samples[0]?.counts ?? {});
    const pods = moments.map((each) => each?.pods ?? 0).join(', ');
    return names.map((name) => [kernel, name, pods, ...moments.map((each) => shown(each, name))]);
  };
  return { head: SOAK_HEAD, rows: runs.flatMap(({ row, report }) => rowsOf(row.name, report?.soak ?? [])) };
}
