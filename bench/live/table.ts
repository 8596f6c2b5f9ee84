/** The rows of `bench live` as tables of Markdown, one for each load. */
import { formatRate } from '../../scripts/demo/format.ts';
import { markdown, type Table } from '../../verifier-tests/kernels/table.ts';
import type { Figures, LimiterName, RowResult } from './cases.ts';
import { CAPS, LOADS, type LoadName, type Row } from './rows.ts';
import { missesOf } from './targets.ts';

interface Column {
  readonly title: string;
  readonly loads: readonly LoadName[];
  readonly value: (figures: Figures, row: Row) => string;
}

const percent = (value: number | undefined): string => (value === undefined ? '-' : (100 * value).toFixed(1));

/** Of a time in seconds, in milliseconds. */
function milliseconds(seconds: number | undefined): string {
  if (seconds === undefined) return '-';
  if (seconds === Number.POSITIVE_INFINITY) return 'never';
  const value = 1000 * seconds;
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

/** Of bytes at the row's cap, in milliseconds. */
const timeAt = (bytes: number | undefined, { cap }: Row): string =>
  bytes === undefined ? '-' : ((8000 * bytes) / CAPS[cap]).toFixed(0);

const TCP: readonly LoadName[] = ['elephant', 'clients', 'four'];

const COLUMNS: readonly Column[] = [
  {
    title: 'sent, x cap',
    loads: ['flood'],
    value: (figures, { cap }) => (figures.floodBitsPerSecond / CAPS[cap]).toFixed(1),
  },
  { title: 'goodput, %', loads: TCP, value: ({ shareOfCap }) => percent(shareOfCap) },
  { title: 'wire, %', loads: ['flood'], value: ({ wireShare }) => percent(wireShare) },
  {
    title: 'first second, %',
    loads: LOADS,
    value: ({ firstSecond }, { cap }) => ((800 * firstSecond) / CAPS[cap]).toFixed(0),
  },
  { title: 'burst, ms', loads: LOADS, value: ({ burstUsed }, row) => timeAt(burstUsed, row) },
  { title: 'resent', loads: TCP, value: ({ retransmitted }) => String(retransmitted) },
  { title: 'CE', loads: TCP, value: ({ congestionMarked }) => String(congestionMarked) },
  { title: 'Jain', loads: ['four'], value: ({ fairness }) => fairness.toFixed(2) },
  { title: 'answered', loads: ['clients', 'flood'], value: ({ mice }) => `${mice.count - mice.failed}` },
  { title: 'p50, ms', loads: LOADS, value: ({ mice }) => milliseconds(mice.p50) },
  { title: 'p99, ms', loads: LOADS, value: ({ mice }) => milliseconds(mice.p99) },
  { title: 'CPU, %', loads: LOADS, value: ({ busy }) => (100 * busy).toFixed(0) },
];
const SIDES: readonly LimiterName[] = ['natra', 'bandwidth'];

const transport = ({ congestion, ecn }: Row): string => (ecn ? `${congestion}, ECN` : congestion);

/** Caps in their order, within each the directions, as a reader looks them up. */
const inOrder = (a: RowResult, b: RowResult): number =>
  CAPS[a.row.cap] - CAPS[b.row.cap] || b.row.direction.localeCompare(a.row.direction);

/** Of the rows that have been measured. `hasFq`: natra can place fq. */
export function tableOf(load: LoadName, results: readonly RowResult[], hasFq: boolean): Table {
  const columns = COLUMNS.filter(({ loads }) => loads.includes(load));
  const side = results.some(({ figures }) => figures.natra !== undefined) ? 'natra' : 'bandwidth';
  const rows = results
    .filter(({ row, figures }) => row.load === load && figures[side] !== undefined)
    .sort(inOrder)
    .map((result) => {
      const { row, figures } = result;
      const cells = columns.map(({ value }) =>
        SIDES.map((side) => {
          const own = figures[side];
          return own === undefined ? '-' : value(own, row);
        }).join(' / '),
      );
      const missed = figures.natra === undefined ? '-' : missesOf(result, hasFq).join(', ') || 'none';
      return [row.cap, row.direction, transport(row), ...cells, missed];
    });
  return { head: ['cap', 'direction', 'TCP', ...columns.map(({ title }) => title), 'missed'], rows };
}

/** What passes and how long mice take where nothing limits: of each direction and congestion control. */
export function unlimitedTable(results: readonly RowResult[]): Table {
  const found = new Map<string, string[]>();
  for (const { row, figures } of results) {
    const key = `${row.direction} ${row.congestion}`;
    const cells = found.get(key) ?? [row.direction, row.congestion, '-', '-', ...TCP.map(() => '-')];
    found.set(key, cells);
    if (figures.idle !== undefined) {
      cells[2] = milliseconds(figures.idle.mice.p50);
      cells[3] = milliseconds(figures.idle.mice.p99);
    }
    if (figures.none !== undefined) cells[4 + TCP.indexOf(row.load)] = formatRate(figures.none.goodput);
  }
  const head = ['direction', 'TCP', 'idle p50, ms', 'idle p99, ms', ...TCP.map((load) => `${load}, goodput`)];
  return { head, rows: [...found.values()] };
}

const TITLES: Readonly<Record<LoadName, string>> = {
  elephant: 'One elephant',
  clients: 'One elephant beside 50 clients',
  flood: 'A flood of UDP',
  four: 'Four elephants',
};

/** All tables with their headings. */
export function tablesOf(results: readonly RowResult[], hasFq: boolean): string {
  const parts = LOADS.map((load) => ({ title: TITLES[load], table: tableOf(load, results, hasFq) }));
  return [{ title: 'Without a limit', table: unlimitedTable(results) }, ...parts]
    .filter(({ table }) => table.rows.length > 0)
    .map(({ title, table }) => `### ${title}\n\n${markdown(table)}`)
    .join('\n\n');
}
