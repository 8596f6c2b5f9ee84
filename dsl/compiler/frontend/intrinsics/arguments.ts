/** Arguments of calls that the compiler lowers itself; TypeScript has checked how many there are. */
import type { ts } from 'ts-morph';
import type { Expression, Type } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';

export function argument(scope: Scope, node: ts.CallExpression, index: number): ts.Expression {
  const found = node.arguments[index];
  return found ?? scope.refuse('N1001', node, { syntax: 'a call without its arguments' });
}

/** The argument converted to `type`. */
export function typed(scope: Scope, node: ts.CallExpression, index: number, type: Type): Expression {
  const given = argument(scope, node, index);
  return convertTo(scope.session, scope.value(given), type, given);
}
