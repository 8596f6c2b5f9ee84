/** Coverage as a table and as an lcov tracefile (geninfo(1), FILES). */
import type { Counts, FileCounts } from './counts.ts';

export interface Share {
  readonly hit: number;
  readonly all: number;
}

export interface Row {
  readonly file: string;
  readonly lines: Share;
  readonly branches: Share;
  /** Lines that never ran. */
  readonly missedLines: readonly number[];
  /** `line:column way` of ways that were never taken. */
  readonly missedWays: readonly string[];
}

const shareOf = (counts: readonly number[]): Share => ({
  hit: counts.filter((count) => count > 0).length,
  all: counts.length,
});

/** In percent; of nothing it is all. */
export const percent = ({ hit, all }: Share): number => (all === 0 ? 100 : (100 * hit) / all);

function rowOf(file: string, { lines, branches }: FileCounts): Row {
  const ways = [...branches.values()].flatMap(({ line, column, ways: taken }) =>
    [...taken].map(([way, count]) => ({ name: `${line}:${column} ${way}`, count })),
  );
  return {
    file,
    lines: shareOf([...lines.values()]),
    branches: shareOf(ways.map(({ count }) => count)),
    missedLines: [...lines].flatMap(([line, count]) => (count === 0 ? [line] : [])).sort((a, b) => a - b),
    missedWays: ways.flatMap(({ name, count }) => (count === 0 ? [name] : [])),
  };
}

const sum = (shares: readonly Share[]): Share => ({
  hit: shares.reduce((total, { hit }) => total + hit, 0),
  all: shares.reduce((total, { all }) => total + all, 0),
});

/** A row for each file, by name, and the sum of all. */
export function rowsOf(counts: Counts): { readonly rows: readonly Row[]; readonly total: Row } {
  const rows = [...counts].map(([file, of]) => rowOf(file, of)).sort((a, b) => (a.file < b.file ? -1 : 1));
  const total = {
    file: 'all',
    lines: sum(rows.map(({ lines }) => lines)),
    branches: sum(rows.map(({ branches }) => branches)),
    missedLines: [],
    missedWays: [],
  };
  return { rows, total };
}

const shown = (share: Share): string => `${percent(share).toFixed(1)}% (${share.hit}/${share.all})`;

/** A line for each file, with what was missed. */
export function tableOf(counts: Counts): string {
  const { rows, total } = rowsOf(counts);
  const width = Math.max(...[...rows, total].map(({ file }) => file.length));
  const lines = [...rows, total].map((row) => {
    const missed = [
      ...(row.missedLines.length > 0 ? [`lines ${row.missedLines.join(', ')}`] : []),
      ...(row.missedWays.length > 0 ? [`ways ${row.missedWays.join(', ')}`] : []),
    ];
    const told = missed.length === 0 ? '' : `  missed: ${missed.join('; ')}`;
    return `${row.file.padEnd(width)}  lines ${shown(row.lines).padEnd(16)}  branches ${shown(row.branches).padEnd(16)}${told}`;
  });
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function lcovOf(file: string, { lines, branches }: FileCounts): string {
  const { lines: lineShare, branches: branchShare } = rowOf(file, { lines, branches });
  const ordered = [...branches.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  const taken = ordered.flatMap(({ line, ways }, block) => {
    const never = [...ways.values()].every((count) => count === 0);
    return [...ways.values()].map((count, way) => `BRDA:${line},${block},${way},${never ? '-' : count}`);
  });
  return [
    `SF:${file}`,
    ...[...lines].sort(([a], [b]) => a - b).map(([line, count]) => `DA:${line},${count}`),
    `LF:${lineShare.all}`,
    `LH:${lineShare.hit}`,
    ...taken,
    `BRF:${branchShare.all}`,
    `BRH:${branchShare.hit}`,
    'end_of_record',
    '',
  ].join('\n');
}

export const tracefileOf = (counts: Counts): string =>
  [...counts].map(([file, of]) => lcovOf(file, of)).join('');
