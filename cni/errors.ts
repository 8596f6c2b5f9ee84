/**
 * CNI errors: what every failing call prints on stdout, `{cniVersion, code, msg, details}` (CNI 1.1,
 * section "Error"). `msg` says what is wrong in one line, `details` names the field, the value and the rule.
 */

/** What natra answers of the specification's codes (1 to 99), and its own from 100; 999 is libcni's "internal". */
export const ERROR_CODES = {
  incompatibleVersion: 1,
  invalidEnvironment: 4,
  io: 5,
  decode: 6,
  invalidConfiguration: 7,
  invalidNetns: 8,
  tryAgainLater: 11,
  notAvailable: 50,
  interfaceNotFound: 100,
  dataplane: 101,
  checkFailed: 102,
  internal: 999,
} as const;
export type ErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES];

export class CniError extends Error {
  readonly code: ErrorCode;
  readonly details: string;

  constructor(code: ErrorCode, msg: string, details = '') {
    super(msg);
    this.name = 'CniError';
    this.code = code;
    this.details = details;
  }

  /** The object that goes to stdout; `cniVersion` is the configuration's, or the newest where that is unknown. */
  report(cniVersion: string): { cniVersion: string; code: number; msg: string; details: string } {
    return { cniVersion, code: this.code, msg: this.message, details: this.details };
  }
}

/** Something that an operator can put right: told in a line, without a stack. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
}

/** The state directory can't be read or written. */
export class StateError extends OperatorError {}

/** What an error says, whatever was thrown; the chain of causes included. */
export function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause === undefined ? thrown.message : `${thrown.message}: ${describe(thrown.cause)}`;
}

/** The `code` of a system error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
