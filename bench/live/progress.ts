/** What is done of many cases, and how long the rest will take. */

const shown = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;

export class CaseProgress {
  readonly #total: number;
  readonly #seconds: () => number;
  /** Of the first case: machines boot before it, and the others take as long as those since then. */
  #first: number | undefined;
  #done = 0;

  /** `seconds`: a clock. */
  constructor(total: number, seconds: () => number = () => performance.now() / 1000) {
    this.#total = total;
    this.#seconds = seconds;
  }

  /** Counts a case and gives the line that says so. */
  line(name: string): string {
    this.#done += 1;
    const now = this.#seconds();
    this.#first ??= now;
    const rest = ((now - this.#first) / (this.#done - 1)) * (this.#total - this.#done);
    const outlook = Number.isFinite(rest) && rest > 0 ? `, some ${shown(rest)} to go` : '';
    return `${this.#done} of ${this.#total}${outlook}: ${name}`;
  }
}
