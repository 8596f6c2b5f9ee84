/** One line a kernel, on standard error: redrawn in place on a terminal, a line for each change elsewhere. */

const REDRAW_MS = 1000;

interface Line {
  words: string;
  /** When the kernel's turn came, ms; undefined before. */
  since: number | undefined;
}

export class Progress {
  readonly #lines = new Map<string, Line>();
  readonly #live = process.stderr.isTTY === true;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(names: readonly string[]) {
    for (const name of names) {
      this.#lines.set(name, { words: 'waiting', since: undefined });
      if (this.#live) process.stderr.write(`${this.#shown(name)}\n`);
    }
    // Between two lines of a guest the seconds still pass.
    if (this.#live) this.#timer = setInterval(() => this.#redraw(), REDRAW_MS).unref();
  }

  tell(name: string, words: string): void {
    const line = this.#lines.get(name);
    if (line === undefined) return;
    line.words = words;
    line.since ??= performance.now();
    if (this.#live) this.#redraw();
    else process.stderr.write(`${this.#shown(name)}\n`);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #redraw(): void {
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\x1b[${this.#lines.size}A`);
    for (const name of this.#lines.keys())
      process.stderr.write(`\x1b[2K${this.#shown(name).slice(0, width)}\n`);
  }

  #shown(name: string): string {
    const { words = '', since } = this.#lines.get(name) ?? {};
    const seconds = since === undefined ? '' : `${((performance.now() - since) / 1000).toFixed(0)} s`;
    return `${name.padEnd(8)}${seconds.padStart(6)}  ${words}`;
  }
}
