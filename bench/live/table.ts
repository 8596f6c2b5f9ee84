/** The rows of `bench live` as a table, and what each promises. */
import { formatSeconds, formatShare } from '../../scripts/demo/format.ts';
import { type Column, renderTable } from '../../scripts/demo/table.ts';
import { type Figures, LIMITERS, type LimiterName, type RowResult } from './compare.ts';
import { nameOf } from './rows.ts';

interface Line {
  readonly name: string;
  readonly limiter: LimiterName;
  readonly figures: Figures;
}

const share = (value: number | undefined): string => (value === undefined ? '-' : formatShare(value));
const ratio = (value: number, of: number | undefined): string =>
  of === undefined ? '-' : (value / of).toFixed(2);

const COLUMNS: ReadonlyArray<Column<Line>> = [
  { title: 'row', align: 'left', value: ({ name }) => name },
  { title: 'limiter', align: 'left', value: ({ limiter }) => limiter },
  { title: 'goodput', value: ({ figures }) => share(figures.shareOfCap) },
  { title: 'wire', value: ({ figures }) => share(figures.wireShare) },
  {
    title: 'first second',
    value: ({ figures }) => ratio(figures.firstSecond, figures.allowedSecond),
  },
  {
    title: 'fullest second',
    value: ({ figures }) => ratio(figures.fullestSecond, figures.allowedSecond),
  },
  { title: 'resent', value: ({ figures }) => String(figures.retransmitted) },
  { title: 'CE', value: ({ figures }) => String(figures.congestionMarked) },
  { title: 'p50', value: ({ figures }) => formatSeconds(figures.mice.p50) },
  { title: 'p99', value: ({ figures }) => formatSeconds(figures.mice.p99) },
  { title: 'failed', value: ({ figures }) => `${figures.mice.failed}/${figures.mice.count}` },
  { title: 'Jain', value: ({ figures }) => figures.fairness.toFixed(2) },
];

export function tableOf(results: readonly RowResult[]): string {
  const groups = results.map(({ row, figures }) =>
    LIMITERS.flatMap((limiter, index) => {
      const own = figures[limiter];
      const first = LIMITERS.findIndex((each) => figures[each] !== undefined) === index;
      return own === undefined ? [] : [{ name: first ? nameOf(row) : '', limiter, figures: own }];
    }),
  );
  const lines = groups.flatMap((group, index) => (index === 0 ? group : [undefined, ...group]));
  return renderTable(COLUMNS, lines).join('\n');
}

const LEAST_GOODPUT = 0.97;
/** Of the wire, which TCP can't fill: an application gets in one piece what had waited for a segment sent again. */
const MOST_WIRE = 1.005;
const MOST_MICE_FACTOR = 2;
const LEAST_FAIRNESS = 0.95;

/** What natra was to reach in a row and did not. `paced`: departure times hold its packets back. */
export function missesOf({ row, figures }: RowResult, paced: boolean): readonly string[] {
  const { natra, idle } = figures;
  if (natra === undefined) return [];
  const misses: string[] = [];
  const goodput = natra.shareOfCap ?? 0;
  if (row.load !== 'flood' && !(goodput >= LEAST_GOODPUT))
    misses.push(`goodput ${formatShare(goodput)} of the cap's (at least 97%)`);
  if ((natra.wireShare ?? 0) > MOST_WIRE)
    misses.push(`${formatShare(natra.wireShare)} of the cap on the wire (at most 100%)`);
  if (natra.fullestSecond > (natra.allowedSecond ?? 0))
    misses.push(`fullest second ${ratio(natra.fullestSecond, natra.allowedSecond)} of what is allowed`);
  const [own, alone] = [natra.mice.p99, idle?.mice.p99];
  if (row.load === 'elephant' && own !== undefined && alone !== undefined && own > MOST_MICE_FACTOR * alone)
    misses.push(`mice p99 ${formatSeconds(own)}, idle ${formatSeconds(alone)} (at most 2x)`);
  if (row.load === 'four' && natra.fairness < LEAST_FAIRNESS)
    misses.push(`Jain ${natra.fairness.toFixed(2)} (at least 0.95)`);
  if (paced && row.load !== 'flood' && natra.retransmitted > 0)
    misses.push(`${natra.retransmitted} segments resent (0)`);
  return misses.map((miss) => `${nameOf(row)}: ${miss}`);
}
