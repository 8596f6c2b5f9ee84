/** Whether control can reach the end of a statement, and what leaves it. */
import type { Statement } from '../../tree/tree.ts';

type Loop = Extract<Statement, { kind: 'loop' }>;
type Target = { readonly label?: string };
type Leaving = Extract<Statement, { kind: 'break' | 'continue' | 'return' }>;

/** The statements that a statement is made of. */
function partsOf(statement: Statement): readonly Statement[] {
  switch (statement.kind) {
    case 'block':
      return statement.body;
    case 'if':
      return statement.whenFalse ? [statement.whenTrue, statement.whenFalse] : [statement.whenTrue];
    case 'switch': {
      const bodies = statement.cases.map(({ body }) => body);
      return statement.otherwise ? [...bodies, statement.otherwise] : bodies;
    }
    case 'loop':
    case 'repeat':
      return [statement.body];
    default:
      return [];
  }
}

/** Whether a `break` in `parts` leaves the loop or switch `target` that they are in. */
const breaks = (parts: readonly Statement[], target: Target, isInner = false): boolean =>
  parts.some((part) => {
    if (part.kind === 'break') return part.label === undefined ? !isInner : part.label === target.label;
    const hasOwn = part.kind === 'switch' || part.kind === 'loop' || part.kind === 'repeat';
    return breaks(partsOf(part), target, isInner || hasOwn);
  });

/** The returns in `parts`, and the jumps there to a label that is neither in `inner` nor within them. */
const leaving = (parts: readonly Statement[], inner: ReadonlySet<string | undefined>): readonly Leaving[] =>
  parts.flatMap((part) => {
    if (part.kind === 'return') return [part];
    if (part.kind === 'break' || part.kind === 'continue') return inner.has(part.label) ? [] : [part];
    return leaving(partsOf(part), 'label' in part ? new Set([...inner, part.label]) : inner);
  });

/** The returns in the body of a loop, and the jumps there to what is around the loop. */
export const leavingBody = ({ body, label }: Extract<Statement, { kind: 'loop' | 'repeat' }>) =>
  leaving([body], new Set([undefined, label]));

export const isEndless = ({ condition }: Loop): boolean =>
  condition === undefined || (condition.kind === 'bool' && condition.value);

/** Whether something in the body of a loop ends it. */
export const isLeft = (loop: Loop): boolean => breaks([loop.body], loop) || leavingBody(loop).length > 0;

/** Whether control can run past the end of the statement, within its function. */
export function completes(statement: Statement): boolean {
  switch (statement.kind) {
    case 'return':
    case 'break':
    case 'continue':
      return false;
    case 'block':
      return statement.body.every(completes);
    case 'if':
      return (
        statement.whenFalse === undefined || completes(statement.whenTrue) || completes(statement.whenFalse)
      );
    case 'switch':
      return (
        statement.otherwise === undefined ||
        partsOf(statement).some(completes) ||
        breaks(partsOf(statement), statement)
      );
    case 'loop':
      return !isEndless(statement) || breaks([statement.body], statement);
    default:
      return true;
  }
}
