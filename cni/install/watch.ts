/** Staying: natra is put back whenever the main plugin rewrites its file. */
import { type FSWatcher, watch } from 'node:fs';
import { Pace } from './pace.ts';

/** A writer that does not rename leaves half a file for a moment; what stands after this is read. */
const SETTLE_MILLISECONDS = 200;
/** inotify does not tell of everything (a folder that is made later, network file systems). */
const POLL_MILLISECONDS = 30_000;

export interface Watch {
  readonly directory: string;
  /** Puts natra in place and tells whether that changed anything. May throw; it is called again. */
  readonly ensure: () => boolean;
  /** Told of each failure once, until it is another or over. */
  readonly onFailure: (error: unknown) => void;
  readonly pollMilliseconds?: number;
}

/** Ensures now and from then on; ends when `signal` does. Never rejects. */
export async function keepEnsured(watched: Watch, signal: AbortSignal): Promise<void> {
  const { directory, ensure, onFailure, pollMilliseconds = POLL_MILLISECONDS } = watched;
  const pace = new Pace();
  let wake = (): void => {};
  let failure: string | undefined;
  let watcher: FSWatcher | undefined;

  const attempt = (): void => {
    try {
      if (ensure()) pace.wrote(performance.now());
      failure = undefined;
    } catch (error) {
      const told = String(error);
      if (told !== failure) onFailure(error);
      failure = told;
    }
  };
  /** Until `milliseconds` are over, or something happens and `heeding`. */
  const rest = (milliseconds: number, heeding: boolean): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      if (heeding) wake = done;
      if (signal.aborted) done();
      else signal.addEventListener('abort', done);
    });
  const listen = (): void => {
    try {
      watcher ??= watch(directory, () => wake()).on('error', () => {
        watcher?.close();
        watcher = undefined;
      });
    } catch {
      // The folder may not be there yet: the poll finds it, and listens then.
    }
  };

  while (!signal.aborted) {
    listen();
    attempt();
    await rest(pollMilliseconds, true);
    await rest(Math.max(SETTLE_MILLISECONDS, pace.delay(performance.now())), false);
  }
  watcher?.close();
}
