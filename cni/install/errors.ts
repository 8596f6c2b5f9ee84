/** Something that an operator can put right: told in a line, without a stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}

/** The `code` of a system error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
