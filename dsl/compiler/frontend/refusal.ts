/** How a construct is refused: thrown where it is found, caught where the next statement can still be checked. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';

/** Carries a diagnostic; none when the cause has already been reported. */
export class Refusal extends Error {
  readonly diagnostic: Diagnostic | undefined;

  constructor(diagnostic: Diagnostic | undefined) {
    super(diagnostic?.message ?? 'already reported');
    this.diagnostic = diagnostic;
  }
}
