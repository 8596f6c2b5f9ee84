/** Source lines of a path, repeated rounds of loops told once. */
import type { ProgramImage, SourceLine } from '../../dsl/object/image.ts';
import type { Path } from './names.ts';

export type PathStep =
  | { readonly kind: 'line'; readonly file: string; readonly line: number; readonly text: string }
  /** The steps before it in `lines` were taken as often. */
  | { readonly kind: 'rounds'; readonly count: number; readonly lines: readonly PathStep[] };

/** The line that the instruction at a slot is of. */
export function lineAt({ lines }: ProgramImage, slot: number): SourceLine | undefined {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.slot ?? 0) <= slot) low = middle + 1;
    else high = middle;
  }
  return lines[low - 1];
}

/** Rounds of more lines than these are told line by line. */
const LONGEST_ROUND = 24;

const keyOf = ({ file, line }: SourceLine): string => `${file}:${line}`;

/** How often the `period` keys from `at` on stand there in a row. */
function repeats(keys: readonly string[], at: number, period: number): number {
  let end = at + period;
  while (end < keys.length && keys[end] === keys[end - period]) end += 1;
  return Math.floor((end - at) / period);
}

function collapse(lines: readonly SourceLine[]): PathStep[] {
  const keys = lines.map(keyOf);
  const steps: PathStep[] = [];
  const toStep = ({ file, line, text }: SourceLine): PathStep => ({
    kind: 'line',
    file,
    line,
    text: text.trim(),
  });
  for (let at = 0; at < lines.length; ) {
    let [period, count] = [1, 1];
    for (let candidate = 1; candidate <= LONGEST_ROUND; candidate++) {
      const rounds = repeats(keys, at, candidate);
      if (rounds > 1 && rounds * candidate > period * count) [period, count] = [candidate, rounds];
    }
    const round = lines.slice(at, at + period).map(toStep);
    if (count > 1) steps.push({ kind: 'rounds', count, lines: round });
    else steps.push(...round);
    at += period * count;
  }
  return steps;
}

/**
 * The lines that a path goes through, in order; one that several instructions in a row are of stands once, unless the
 * path goes back in between: then a loop on one line takes another round.
 */
export function linesOf(image: ProgramImage, path: Path): readonly PathStep[] {
  const lines: SourceLine[] = [];
  let before = -1;
  for (const { slot } of path) {
    const line = lineAt(image, slot);
    const last = lines.at(-1);
    if (line && (!last || keyOf(last) !== keyOf(line) || slot <= before)) lines.push(line);
    before = slot;
  }
  return collapse(lines);
}
