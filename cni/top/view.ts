/** One picture of `natra top`: limited Pods, what passes and what had to wait or went, and their heaviest flows. */
import { aligned, quantity } from '../status/format.ts';
import type { LimitStatus, NodeStatus } from '../status/node-status.ts';
import { flowEnds, podName, toldApart } from '../status/words.ts';
import type { VerdictName } from '../verdicts.ts';

/** What Pods may be ordered by, under the key that asks for it. */
export const ORDERS = { r: 'rate', c: 'share of cap', w: 'waiting', d: 'drops', n: 'name' } as const;
export type OrderKey = keyof typeof ORDERS;

export interface View {
  readonly order: OrderKey;
  readonly flows: boolean;
}

/** A limit as it is drawn. */
export interface Row {
  readonly limit: LimitStatus;
  /** Wire bits a second; 0 where nothing can be read. */
  readonly rate: number;
  /** Of the cap, 0 to 1 and somewhat more in a burst. */
  readonly share: number;
  /** Packets a second since the picture before; undefined in the first one. */
  readonly waiting: number | undefined;
  readonly dropped: number | undefined;
  /** Shares of the pictures before, the latest last. */
  readonly history: readonly number[];
}

const HISTORY = 16;
const WAITED: readonly VerdictName[] = ['paced', 'marked'];
const DROPPED: readonly VerdictName[] = ['dropped-early', 'dropped'];

const keyOf = ({ containerId, interface: ifname, direction }: LimitStatus): string =>
  `${containerId} ${ifname} ${direction}`;

/** The rows of a reading that came `seconds` after the rows `before`. */
export function rowsOf({ limits }: NodeStatus, before: readonly Row[], seconds: number): Row[] {
  const former = new Map(before.map((row) => [keyOf(row.limit), row]));
  return toldApart(limits).map((limit) => {
    const last = former.get(keyOf(limit));
    const rate = limit.rateBitsPerSecond ?? 0;
    const share = rate / limit.capBitsPerSecond;
    const perSecond = (names: readonly VerdictName[]): number | undefined => {
      if (last === undefined || seconds <= 0) return undefined;
      // Counters begin anew with an upgrade that lays them out differently.
      return Math.max(0, packetsOf(limit, names) - packetsOf(last.limit, names)) / seconds;
    };
    const history = [...(last?.history ?? []), share].slice(-HISTORY);
    return { limit, rate, share, waiting: perSecond(WAITED), dropped: perSecond(DROPPED), history };
  });
}

const packetsOf = ({ verdicts }: LimitStatus, names: readonly VerdictName[]): number =>
  names.reduce((sum, name) => sum + Number(verdicts?.[name].packets ?? 0n), 0);

const title = ({ limit }: Row): string => `${podName(limit)} ${limit.interface} ${limit.direction}`;

const LARGEST_FIRST: { readonly [K in Exclude<OrderKey, 'n'>]: (row: Row) => number } = {
  r: ({ rate }) => rate,
  c: ({ share }) => share,
  w: ({ waiting }) => waiting ?? 0,
  d: ({ dropped }) => dropped ?? 0,
};

/** Those that are alike are in the order of their names, so that rows do not jump about. */
export function ordered(rows: readonly Row[], order: OrderKey): Row[] {
  const byName = (a: Row, b: Row): number => title(a).localeCompare(title(b));
  if (order === 'n') return [...rows].sort(byName);
  const amount = LARGEST_FIRST[order];
  return [...rows].sort((a, b) => amount(b) - amount(a) || byName(a, b));
}

const BARS = [...' ▁▂▃▄▅▆▇█'];

/** One character a share; a full block is the cap and what is above it. */
export const sparkline = (shares: readonly number[]): string =>
  shares.map((share) => BARS[share <= 0 ? 0 : Math.max(1, Math.min(8, Math.round(share * 8)))]).join('');

const HEADINGS = ['POD', 'INTERFACE', 'DIRECTION', 'CAP', 'RATE', 'OF CAP', 'WAIT/S', 'DROP/S', 'LATELY'];
const NUMBERS_FROM = HEADINGS.indexOf('CAP');
const FLOWS_SHOWN = 3;

export interface Picture {
  readonly headings: string;
  readonly lines: readonly string[];
}

export function picture(rows: readonly Row[], { order, flows }: View): Picture {
  const inOrder = ordered(rows, order);
  const [headings = '', ...texts] = aligned([HEADINGS, ...inOrder.map(cells)], NUMBERS_FROM);
  const lines = inOrder.flatMap((row, index) => [texts[index] ?? '', ...(flows ? flowLines(row) : [])]);
  return { headings, lines };
}

function cells({ limit, rate, share, waiting, dropped, history }: Row): string[] {
  const isThere = limit.rateBitsPerSecond !== undefined;
  return [
    podName(limit),
    limit.interface,
    limit.direction,
    quantity(limit.capBitsPerSecond, 'bit/s'),
    isThere ? quantity(rate, 'bit/s') : '-',
    isThere ? `${Math.round(share * 100)}%` : '-',
    waiting === undefined ? '-' : quantity(waiting),
    dropped === undefined ? '-' : quantity(dropped),
    // Padded, so that the column does not grow from picture to picture.
    `${sparkline(history)}${' '.repeat(HISTORY - history.length)}|`,
  ];
}

function flowLines({ limit }: Row): string[] {
  const shown = limit.flows.slice(0, FLOWS_SHOWN);
  const more = limit.flows.length - shown.length;
  return [
    ...shown.map(
      (flow) =>
        `    ${quantity(flow.bitsPerSecond, 'bit/s').padStart(10)}  ${flow.protocol} ${flowEnds(flow)}`,
    ),
    ...(more > 0 ? [`                and ${more} more`] : []),
  ];
}
