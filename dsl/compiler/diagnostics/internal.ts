/** What a defect of the compiler itself looks like to whoever compiles: a diagnostic, never a stack trace. */
import type { Span } from '../tree/tree.ts';
import type { Diagnostic } from './diagnostic.ts';

/** Its own code, which no source should ever trigger; so it has no row and no example in the table. */
export const INTERNAL_ERROR = 'N9000';

/** What the compiler has not the stack for. Its smallest example has hundreds of levels: no row in the table either. */
export const TOO_DEEP = 'N9001';

/** Whether an exception is the end of JavaScript's stack. */
export const isTooDeep = (error: unknown): boolean =>
  error instanceof RangeError && /call stack/i.test(error.message);

/** The diagnostic of what has more levels than the compiler can go into. */
export const tooDeep = (span: Span): Diagnostic => ({
  code: TOO_DEEP,
  message: 'the source is nested too deeply here',
  why: 'the compiler goes into an expression or a block level by level, and its stack holds some hundreds of them.',
  advice: 'give parts of it names with const, or move them to functions.',
  span,
  severity: 'error',
});

/** The diagnostic of an exception that nobody expected, at the construct that was at hand. */
export function internalError(error: unknown, span: Span): Diagnostic {
  if (isTooDeep(error)) return tooDeep(span);
  const reason = error instanceof Error ? error.message : String(error);
  return {
    code: INTERNAL_ERROR,
    message: `the compiler fails here: ${reason}`,
    why: 'this is a defect of the compiler, not of the program.',
    advice:
      'report this message with the source it points at (`natra check --json`), and write the construct in another way.',
    span,
    severity: 'error',
  };
}
