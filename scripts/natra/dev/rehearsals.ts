/**
 * Saves that nobody made. V8 has the compiler in its fastest code only when it has compiled a few dozen times, and a first
 * save takes several times as long as a later one: so `natra dev` compiles, while nobody waits, what a save of another
 * integer would change, and what taking that back would.
 */
import type { Edit, Project } from './project.ts';

/** Of integers that are made others; each is then taken back. */
const REHEARSALS = 24;

/** A comment, or what imports. */
const NO_CODE = /^\s*(?:\/\/|\/?\*|import\b)/;
const INTEGER = /(?<![\w.'"])\d+(?=n?\b(?!['".]))/g;

/**
 * The text with another integer in place of the first, or of the one that is `place` integers behind it: a smaller one, which
 * a shift or a size is rather allowed to be. Undefined where there is none.
 */
export function withOtherInteger(text: string, place: number): string | undefined {
  let start = 0;
  const integers: { readonly at: number; readonly digits: string }[] = [];
  for (const line of text.split('\n')) {
    if (!NO_CODE.test(line))
      for (const { index, 0: digits } of line.matchAll(INTEGER)) integers.push({ at: start + index, digits });
    start += line.length + 1;
  }
  const found = integers[place % integers.length];
  if (found === undefined) return undefined;
  const { at, digits } = found;
  const value = BigInt(digits);
  return `${text.slice(0, at)}${value > 1n ? value - 1n : value + 1n}${text.slice(at + digits.length)}`;
}

/** Saves to rehearse: of one source after the other, and each taken back. `sources`: texts by file, as they are then. */
export function* editsOf(sources: () => ReadonlyMap<string, string>): Generator<Edit> {
  for (let number = 0; number < REHEARSALS; number += 1) {
    const files = [...sources()];
    const [file, text] = files[number % files.length] ?? [];
    const other = text && withOtherInteger(text, Math.floor(number / files.length));
    if (file === undefined || text === undefined || other === undefined) continue;
    yield { file, text: other };
    yield { file, text };
  }
}

/** Resolves in another turn of the event loop, with all that has happened told before. */
const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export class Rehearsals {
  private edits: Iterator<Edit> | undefined;
  private running = false;

  /** `isIdle`: whether nobody waits for anything. */
  constructor(
    private readonly project: Project,
    private readonly isIdle: () => boolean,
  ) {}

  /** Rehearses what is left while nobody waits. */
  async goOn(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.edits ??= editsOf(() => this.project.sources());
    for (await nextTurn(); this.isIdle(); await nextTurn()) {
      const { value: edit } = this.edits.next();
      if (edit === undefined) break;
      // A folder that is gone is told of when something else is saved.
      await this.project.rehearse(edit).catch(() => undefined);
    }
    this.running = false;
  }
}
