/** Errors of the loader: what was attempted, on which object, what the kernel said, what to do. */
import { createRequire } from 'node:module';
import type { constants } from 'node:os';
import { join } from 'node:path';
import { type Explanation, formatExplanation } from './verifier/explain.ts';

/** Those that the loader tells apart (include/uapi/asm-generic/errno-base.h, errno.h). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EEXIST: 17,
  ENOTDIR: 20,
  EINVAL: 22,
  ENOSPC: 28,
  ENOLINK: 67,
  EOPNOTSUPP: 95,
} as const;

/** ENOTSUPP is the kernel's own (include/linux/errno.h) and reaches user space all the same. */
export const ENOTSUPP = 524;

type Named = Readonly<Record<string, number>>;

const nameIn = (numbers: Named, errno: number): string | undefined =>
  Object.keys(numbers).find((name) => numbers[name] === errno);

/** The symbolic name of a positive errno, `errno 999` where it has none; of two, the one that the kernel's sources use. */
export const errnoName = (errno: number): string =>
  nameIn({ ...ERRNO, ENOTSUPP }, errno) ?? nameIn(numbersOfLibc(), errno) ?? `errno ${errno}`;

/** Read for an errno that is told, and no sooner: Node.js would compile a module for it in every call. */
function numbersOfLibc(): Named {
  const os = createRequire(join(import.meta.dirname, 'natra'))('node:os') as { constants: typeof constants };
  return os.constants.errno;
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
  ...wanted: readonly (keyof typeof constants.errno | 'ENOTSUPP')[]
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
