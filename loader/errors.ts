/** Errors of the loader: what was attempted, on which object, what the kernel said, what to do. */
import { constants } from 'node:os';
import { type Explanation, formatExplanation } from './verifier/explain.ts';

export const ERRNO = constants.errno;

/** ENOTSUPP is the kernel's own (include/linux/errno.h) and reaches user space all the same. */
export const ENOTSUPP = 524;

/** Numbers with two names, by the one that the kernel's sources use, and the number without one in libc. */
const CHOSEN_NAMES: readonly (readonly [number, string])[] = [
  [ERRNO.EAGAIN, 'EAGAIN'],
  [ERRNO.EOPNOTSUPP, 'EOPNOTSUPP'],
  [ENOTSUPP, 'ENOTSUPP'],
];

let names: ReadonlyMap<number, string> | undefined;

/** The symbolic name of a positive errno, `errno 999` where it has none. */
export function errnoName(errno: number): string {
  names ??= new Map([
    ...Object.entries(ERRNO).map(([name, value]) => [value, name] as const),
    ...CHOSEN_NAMES,
  ]);
  return names.get(errno) ?? `errno ${errno}`;
}

export interface KernelFailure {
  /** What was attempted: `create map`, `attach tcx program`. */
  readonly operation: string;
  /** On which object: a name, a path, `ifindex 7`. */
  readonly object: string;
  /** Positive errno. */
  readonly errno: number;
  /** The kernel's own words, where it gave any (netlink extended ack, verifier log). */
  readonly detail?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** A refusal by the kernel. */
export class KernelError extends Error {
  override readonly name: string = 'KernelError';
  readonly operation: string;
  readonly object: string;
  readonly errno: number;
  readonly errnoName: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(failure: KernelFailure) {
    const errno = errnoName(failure.errno);
    const detail = failure.detail ? `: ${failure.detail}` : '';
    const hint = failure.hint ? `; ${failure.hint}` : '';
    super(`${failure.operation} ${failure.object}: ${errno}${detail}${hint}`);
    this.operation = failure.operation;
    this.object = failure.object;
    this.errno = failure.errno;
    this.errnoName = errno;
    this.detail = failure.detail;
    this.hint = failure.hint;
  }
}

/**
 * The verifier refused a program. `log` is its log, of very long ones the end; the message ends with the explanation in
 * terms of the source, or with the log's tail where nothing is known of the source.
 */
export class VerifierError extends KernelError {
  override readonly name = 'VerifierError';
  readonly log: string;
  readonly explanation: Explanation | undefined;

  constructor(failure: KernelFailure, log: string, explanation?: Explanation) {
    super(explanation ? { ...failure, detail: formatExplanation(explanation) } : failure);
    this.log = log;
    this.explanation = explanation;
  }
}

/** Whether the verifier gave up on a program for its many paths, which says nothing of its safety. */
export const isTooComplex = (error: unknown): error is VerifierError =>
  error instanceof VerifierError && /too large|too complex|insns limit/i.test(error.log);

/** Whether `error` is a kernel refusal with one of these errno names. */
export function isErrno(
  error: unknown,
  ...wanted: readonly (keyof typeof ERRNO | 'ENOTSUPP')[]
): error is KernelError {
  return error instanceof KernelError && (wanted as readonly string[]).includes(error.errnoName);
}

/** Turns a raw syscall result into the result or a KernelError. `hint` may depend on the errno's name. */
export function check(
  result: number,
  operation: string,
  object: string,
  hint?: string | ((errno: string) => string | undefined),
): number {
  if (result >= 0) return result;
  const errno = -result;
  throw new KernelError({
    operation,
    object,
    errno,
    hint: typeof hint === 'function' ? hint(errnoName(errno)) : hint,
  });
}
