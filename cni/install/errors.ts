/** Something that an operator can put right: told in a line, without a stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
