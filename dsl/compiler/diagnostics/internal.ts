/** What a defect of the compiler itself looks like to whoever compiles: a diagnostic, never a stack trace. */
import type { Span } from '../tree/tree.ts';
import type { Diagnostic } from './diagnostic.ts';

/** Its own code, which no source should ever trigger; so it has no row and no example in the table. */
export const INTERNAL_ERROR = 'N9000';

/** The diagnostic of an exception that nobody expected, at the construct that was at hand. */
export function internalError(error: unknown, span: Span): Diagnostic {
  const reason = error instanceof Error ? error.message : String(error);
  const deep = error instanceof RangeError && /call stack/i.test(reason);
  return {
    code: INTERNAL_ERROR,
    message: `the compiler fails here: ${deep ? 'the source is nested too deeply' : reason}`,
    why: 'this is a defect of the compiler, not of the program.',
    advice:
      'report this message with the source it points at (`natra check --json`), and write the construct in another way.',
    span,
    severity: 'error',
  };
}
