/** A terminal that is drawn anew as a whole, and single keys from it. Leaves the terminal as it was. */
import { codeOf } from '../errors.ts';

/** DEC private modes (xterm's control sequences): the alternate screen, and the cursor. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const BELOW = '\x1b[J';
const ESCAPE = '\x1b';
/** What Ctrl-C is where the terminal sends no signal for it. */
const INTERRUPT = '\x03';

export type Draw = (frame: () => readonly string[]) => void;

/**
 * Runs `body` until it ends, `onKey` gives false, or a signal comes. A frame is drawn when it is given, after each key,
 * and when the size of the terminal changes.
 */
export async function withKeys(
  body: (draw: Draw, signal: AbortSignal) => Promise<void>,
  onKey: (key: string) => boolean,
): Promise<void> {
  const { stdin, stdout } = process;
  const stop = new AbortController();
  let shown: () => readonly string[] = () => [];
  const redraw = (): void => {
    const { columns = 80, rows = 24 } = stdout;
    const lines = fitted(shown(), columns, rows).map((line) => line + TO_END_OF_LINE);
    stdout.write(HOME + lines.join('\r\n') + BELOW);
  };
  const take = (keys: string): void => {
    for (const key of keys) if (key === INTERRUPT || !onKey(key)) stop.abort();
    if (!stop.signal.aborted) redraw();
  };
  const end = (): void => stop.abort();
  stdin.setRawMode(true).setEncoding('utf8').on('data', take).resume();
  stdout.on('resize', redraw).write(ENTER);
  for (const signal of SIGNALS) process.once(signal, end);
  try {
    await body((frame) => {
      shown = frame;
      redraw();
    }, stop.signal);
  } catch (error) {
    if (codeOf(error) !== 'ABORT_ERR') throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    stdout.off('resize', redraw).write(LEAVE);
    stdin.off('data', take).setRawMode(false).pause();
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** What has room: the last line says how much has not. Styled lines are short ones, and are left as they are. */
export function fitted(lines: readonly string[], columns: number, rows: number): string[] {
  const cut = lines.map((line) => (!line.includes(ESCAPE) ? [...line].slice(0, columns).join('') : line));
  if (cut.length <= rows) return cut;
  const kept = cut.slice(0, rows - 1);
  return [...kept, `... and ${cut.length - kept.length} more lines`.slice(0, columns)];
}
