/** Whether control can reach the end of a statement, and which `break`s leave it. */
import type { Statement } from '../../tree/tree.ts';

/** Whether a `break` in the statement leaves the loop that the statement is in. */
export function breaks(statement: Statement): boolean {
  switch (statement.kind) {
    case 'break':
      return true;
    case 'block':
      return statement.body.some(breaks);
    case 'if':
      return breaks(statement.whenTrue) || (statement.whenFalse !== undefined && breaks(statement.whenFalse));
    case 'switch':
      return (
        statement.cases.some((one) => breaks(one.body)) ||
        (statement.otherwise !== undefined && breaks(statement.otherwise))
      );
    default:
      return false;
  }
}

/** Whether a `return` is somewhere in the statement. */
export function returns(statement: Statement): boolean {
  switch (statement.kind) {
    case 'return':
      return true;
    case 'block':
      return statement.body.some(returns);
    case 'if':
      return (
        returns(statement.whenTrue) || (statement.whenFalse !== undefined && returns(statement.whenFalse))
      );
    case 'switch':
      return (
        statement.cases.some((one) => returns(one.body)) ||
        (statement.otherwise !== undefined && returns(statement.otherwise))
      );
    case 'loop':
    case 'repeat':
      return returns(statement.body);
    default:
      return false;
  }
}

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
        completes(statement.otherwise) ||
        statement.cases.some((one) => completes(one.body))
      );
    case 'loop': {
      const { condition } = statement;
      const endless = condition === undefined || (condition.kind === 'bool' && condition.value);
      return !endless || breaks(statement.body);
    }
    default:
      return true;
  }
}
