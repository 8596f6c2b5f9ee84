/** What every command writes to, and how it says that it was called wrongly. */

export interface Output {
  /** Standard output, without a line end of its own. */
  readonly out: (text: string) => void;
  /** Standard error. */
  readonly error: (text: string) => void;
}

/** The command line or a file that it names is wrong: told in one line, without a stack. */
export class UsageError extends Error {}

/** The exit status of a command: 0, or 1 for errors in what it looked at. */
export type ExitStatus = 0 | 1;

/** `1 error`, `2 errors`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
