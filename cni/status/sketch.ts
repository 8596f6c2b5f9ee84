/**
 * How full a sketch is. A flow counts as heavy when its cell in every row is above the heavy level, so a new flow,
 * whose cells the hash picks, is taken for one with the product over the rows of the share of cells above it.
 */

/** Of programs/state.ts. */
export const ROWS = 4;

export interface SketchLoad {
  /** Share of each row's cells that are above the heavy level, 0 to 1. */
  readonly heavyShares: readonly number[];
  /** Probability that a new flow is taken for a heavy one. */
  readonly falseHeavy: number;
}

/**
 * `cells` are all rows' virtual times one after another; `now` is the monotonic clock's; `heavyLevel` is how far a heavy
 * flow's run ahead of it; ns.
 */
export function sketchLoad(cells: readonly bigint[], now: bigint, heavyLevel: bigint): SketchLoad {
  const columns = cells.length / ROWS;
  const heavyShares = Array.from({ length: ROWS }, (_, row) => {
    const inRow = cells.slice(row * columns, (row + 1) * columns);
    return inRow.filter((cell) => cell > now + heavyLevel).length / columns;
  });
  return { heavyShares, falseHeavy: heavyShares.reduce((product, share) => product * share, 1) };
}
