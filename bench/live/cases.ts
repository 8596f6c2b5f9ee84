/** What is measured in one go: a row under one limiter. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Load } from './phase.ts';
import { type CapName, type LoadName, loadOf, MICE_ALONE, nameOf, type Row } from './rows.ts';
import type { PhaseSummary } from './summary.ts';
import { PLUGIN_DIRECTORY } from './topology.ts';

/** `idle`: mice alone, without a limit; `none`: the row's load without a limit. */
export const LIMITERS = ['idle', 'none', 'bandwidth', 'natra'] as const;
export type LimiterName = (typeof LIMITERS)[number];

export interface Case {
  readonly limiter: LimiterName;
  readonly row: Row;
}

export interface Figures extends Omit<PhaseSummary, 'series'> {
  /** All bytes on the wire over what the cap allows, after the warm-up; undefined without a limit. */
  readonly wireShare: number | undefined;
  /** What the flood sent, on the wire. */
  readonly floodBitsPerSecond: number;
  /** How busy the machine's processors were, from 0 to 1. */
  readonly busy: number;
}

export interface Measured {
  /** Of the case. */
  readonly name: string;
  /** What was sent, and for how long (planOf). */
  readonly plan: string;
  readonly figures: Figures;
}

export interface RowResult {
  readonly row: Row;
  readonly figures: Partial<Record<LimiterName, Figures>>;
}

/**
 * A limiter's part in a row; undefined where it has none: mice in closed loops have no pace of their own, five times the cap
 * is no load without a cap. What is the same in several rows is measured once for all of them: what no limit touches is so for
 * every cap, and where nobody marks, ECN changes nothing.
 */
function caseOf(limiter: LimiterName, row: Row): Case | undefined {
  switch (limiter) {
    case 'idle':
      return row.load === 'clients'
        ? undefined
        : { limiter, row: { ...row, cap: '10M', ecn: false, load: 'elephant' } };
    case 'none':
      return row.load === 'flood' ? undefined : { limiter, row: { ...row, cap: '1G', ecn: false } };
    case 'bandwidth':
      return existsSync(join(PLUGIN_DIRECTORY, limiter))
        ? { limiter, row: { ...row, ecn: false } }
        : undefined;
    case 'natra':
      return { limiter, row };
  }
}

export function nameOfCase({ limiter, row }: Case): string {
  if (limiter === 'idle') return `${limiter} ${row.direction} ${row.congestion}`;
  if (limiter === 'none') return `${limiter} ${row.direction} ${row.congestion} ${row.load}`;
  return `${limiter} ${nameOf(row)}`;
}

/** Each once, in the order of the rows. */
export function casesOf(rows: readonly Row[], limiters: readonly LimiterName[]): readonly Case[] {
  const cases = new Map<string, Case>();
  for (const row of rows)
    for (const limiter of limiters) {
      const part = caseOf(limiter, row);
      if (part !== undefined) cases.set(nameOfCase(part), part);
    }
  return [...cases.values()];
}

export const loadOfCase = ({ limiter, row }: Case): Load => (limiter === 'idle' ? MICE_ALONE : loadOf(row));

/** At a low cap packets are few. */
const SECONDS_UNDER: Readonly<Record<CapName, number>> = { '10M': 8, '60M': 4, '100M': 4, '1G': 3 };
/**
 * Of 700 requests the 99th percentile is the seventh slowest, where one or two have always waited for the process at both ends; at
 * 1 Gbit/s, where the elephant too keeps that busy, up to seven have, but not as many again in as long a time.
 */
const SECONDS_OF_MICE: Readonly<Record<CapName, number>> = { '10M': 24, '60M': 12, '100M': 12, '1G': 12 };
/** CUBIC, which marks reach one flow at a time, takes some seconds to share evenly. */
const SECONDS_TO_SHARE: Readonly<Record<CapName, number>> = { '10M': 8, '60M': 12, '100M': 12, '1G': 6 };
/**
 * Where clients make more requests than the process at both ends can always keep up with, a burst of 200 ms is used up behind each pause of
 * it: over three seconds that is up to 7% more than the cap.
 */
const SECONDS_OF_CLIENTS: Readonly<Record<CapName, number>> = { ...SECONDS_UNDER, '100M': 12 };
const SECONDS_UNDER_LIMIT: Readonly<Record<LoadName, Readonly<Record<CapName, number>>>> = {
  elephant: SECONDS_OF_MICE,
  clients: SECONDS_OF_CLIENTS,
  flood: SECONDS_UNDER,
  four: SECONDS_TO_SHARE,
};
/** For as many requests as beside an elephant. */
const SECONDS_IDLE = SECONDS_OF_MICE['10M'];
const SECONDS_WITHOUT_LIMIT = 2;

/** How long a case's traffic runs; `stated`: under a limit, and one without takes half as long. */
export function secondsOf({ limiter, row }: Case, stated: number | undefined): number {
  const limited = limiter === 'natra' || limiter === 'bandwidth';
  if (stated !== undefined) return limited ? stated : Math.max(1.5, stated / 2);
  if (limited) return SECONDS_UNDER_LIMIT[row.load][row.cap];
  return limiter === 'idle' ? SECONDS_IDLE : SECONDS_WITHOUT_LIMIT;
}

/** What a case sends, and for how long: figures of another plan are not its own. */
export const planOf = (each: Case, stated: number | undefined): string =>
  JSON.stringify({ seconds: secondsOf(each, stated), ...loadOfCase(each) });

export const measuredOf = (each: Case, stated: number | undefined, figures: Figures): Measured => ({
  name: nameOfCase(each),
  plan: planOf(each, stated),
  figures,
});

/** Of what was measured, that by the plans of today. */
export function stillOf(
  measured: readonly Measured[],
  cases: readonly Case[],
  stated: number | undefined,
): Measured[] {
  const plans = new Map(cases.map((each) => [nameOfCase(each), planOf(each, stated)]));
  return measured.filter(({ name, plan }) => plans.get(name) === plan);
}

/** The rows with what has been measured of their cases. */
export function resultsOf(rows: readonly Row[], measured: readonly Measured[]): readonly RowResult[] {
  const known = new Map(measured.map(({ name, figures }) => [name, figures]));
  return rows.map((row) => {
    const figures: Partial<Record<LimiterName, Figures>> = {};
    for (const limiter of LIMITERS) {
      const part = caseOf(limiter, row);
      const own = part && known.get(nameOfCase(part));
      if (own !== undefined) figures[limiter] = own;
    }
    return { row, figures };
  });
}
