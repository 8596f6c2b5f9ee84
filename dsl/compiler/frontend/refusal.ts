/** How a construct is refused: thrown where it is found, caught where the next statement can still be checked. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';

/** Carries a diagnostic; none when the cause has already been reported. */
export class Refusal extends Error {
  readonly diagnostic: Diagnostic | undefined;
  /** Where in the record that is refused, innermost field last. */
  readonly path: readonly string[];

  constructor(diagnostic: Diagnostic | undefined, path: readonly string[] = []) {
    super(diagnostic?.message ?? 'already reported');
    this.diagnostic = diagnostic;
    this.path = path;
  }
}

/** Runs `work` on a field of a record; its refusal names the field. */
export function ofField<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal) || error.diagnostic === undefined) throw error;
    const { diagnostic, path } = error;
    const within = (names: readonly string[]) =>
      names.length === 0 ? '' : `the field '${names.join('.')}': `;
    const plain = diagnostic.message.slice(within(path).length);
    const whole = [name, ...path];
    throw new Refusal({ ...diagnostic, message: `${within(whole)}${plain}` }, whole);
  }
}
