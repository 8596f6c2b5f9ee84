/** Which of many points a run meets: other ones each time, and all of them where NATRA_RUNS is as large as the spacing. */

/** A point that fails is named by its test, so that nothing hangs on the same ones being met again. */
const SEED = Number(process.env.NATRA_SEED ?? process.pid);

export interface Sample {
  readonly first: number;
  readonly spacing: number;
}

/** One point in `spacing`; NATRA_RUNS times as many. */
export function oneIn(spacing: number): Sample {
  const reduced = Math.max(1, Math.floor(spacing / Number(process.env.NATRA_RUNS ?? 1)));
  return { first: SEED % reduced, spacing: reduced };
}

/** Some of the ways that a point can be met in, others at the next point; NATRA_RUNS of them. */
export function waysAt<T>(point: number, ways: readonly T[]): T[] {
  const many = Math.min(ways.length, Number(process.env.NATRA_RUNS ?? 1));
  const from = (SEED + point) % ways.length;
  return [...ways, ...ways].slice(from, from + many);
}
