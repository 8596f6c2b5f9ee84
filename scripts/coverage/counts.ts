/** Counts of lines and branches by file, from any number of test files. */

export interface BranchCounts {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Times that each way was taken, by its name: `true`, `false`, a case's place, `default`. */
  readonly ways: Map<string, number>;
}

export interface FileCounts {
  /** Times that each line with a statement ran. */
  readonly lines: Map<number, number>;
  /** By place. */
  readonly branches: Map<string, BranchCounts>;
}

/** By file. */
export type Counts = Map<string, FileCounts>;

interface Spanned {
  readonly span: {
    readonly line: number;
    readonly column: number;
    readonly endLine: number;
    readonly endColumn: number;
  };
  readonly ways: ReadonlyMap<string | number, number>;
}

const add = <Key>(to: Map<Key, number>, key: Key, count: number): void => {
  to.set(key, (to.get(key) ?? 0) + count);
};

function fileOf(counts: Counts, file: string): FileCounts {
  const known = counts.get(file) ?? { lines: new Map(), branches: new Map() };
  counts.set(file, known);
  return known;
}

/** Adds what one module's runs covered of a file. */
export function addTo(
  counts: Counts,
  file: string,
  lines: ReadonlyMap<number, number>,
  branches: readonly Spanned[],
): void {
  const to = fileOf(counts, file);
  for (const [line, count] of lines) add(to.lines, line, count);
  for (const { span, ways } of branches) {
    const { line, column, endLine, endColumn } = span;
    const place = `${line}:${column}:${endLine}:${endColumn}`;
    const branch = to.branches.get(place) ?? { line, column, ways: new Map() };
    to.branches.set(place, branch);
    for (const [way, count] of ways) add(branch.ways, String(way), count);
  }
}

type Json = readonly {
  readonly file: string;
  readonly lines: readonly (readonly [number, number])[];
  readonly branches: readonly {
    readonly place: string;
    readonly ways: readonly (readonly [string, number])[];
  }[];
}[];

export const toJson = (counts: Counts): Json =>
  [...counts].map(([file, { lines, branches }]) => ({
    file,
    lines: [...lines],
    branches: [...branches].map(([place, { ways }]) => ({ place, ways: [...ways] })),
  }));

/** Adds what `toJson` gave. */
export function addJson(counts: Counts, json: Json): void {
  for (const { file, lines, branches } of json) {
    const spanned = branches.map(({ place, ways }) => {
      const [line = 0, column = 0, endLine = 0, endColumn = 0] = place.split(':').map(Number);
      return { span: { line, column, endLine, endColumn }, ways: new Map(ways) };
    });
    addTo(counts, file, new Map(lines), spanned);
  }
}
