import type { PhaseProgress } from '../../bench/live/phase.ts';
import { percentile } from '../../bench/live/statistics.ts';
import { meanRate } from '../../bench/live/window.ts';
import { formatRate, formatSeconds } from './format.ts';

const BAR_CELLS = 16;

/** What is going on, on standard error: one line that changes on a terminal, one line a finished step elsewhere. */
export class Progress {
  readonly #live: boolean;
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#live = stream.isTTY === true;
  }

  /** What is being done now. */
  doing(text: string): void {
    if (!this.#live) return;
    const width = (this.#stream.columns ?? 80) - 1;
    this.#stream.write(`\r\x1b[2K${text.length > width ? `${text.slice(0, width - 1)}…` : text}`);
  }

  /** What has been done; stays on the screen. */
  done(text: string): void {
    this.#stream.write(this.#live ? `\r\x1b[2K${text}\n` : `${text}\n`);
  }
}

/** `natra, 10 Mbit/s, to the Pod ███████░░░░ 3.2 of 7.0 s  9.98 Mbit/s  mice 96, p99 2.10 ms` */
export function describeProgress(title: string, seconds: number, progress: PhaseProgress): string {
  const filled = Math.min(BAR_CELLS, Math.round((progress.elapsed / seconds) * BAR_CELLS));
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
  const now = progress.wire.at(-1)?.time ?? 0;
  const rate = progress.wire.length > 1 ? meanRate(progress.wire, now - 0.5, now) : 0;
  const p99 = percentile(
    progress.mice.map((mouse) => mouse.seconds),
    99,
  );
  return (
    `${title}  ${bar} ${Math.min(progress.elapsed, seconds).toFixed(1)} of ${seconds.toFixed(1)} s` +
    `  ${formatRate(rate)}  mice ${progress.mice.length}, p99 ${formatSeconds(p99)}`
  );
}
