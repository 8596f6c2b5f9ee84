/** `if`, `return`, and the jumps out of loops. */
import type { ts } from 'ts-morph';
import type { Statement } from '../../tree/tree.ts';
import type { PendingReturn, Scope } from '../scope.ts';
import { coerce } from '../types/coerce.ts';

export function branch(scope: Scope, node: ts.IfStatement): Statement[] {
  const condition = scope.condition(node.expression);
  const arm = (statement: ts.Statement) => scope.block(scope.statements([statement]), statement);
  const whenTrue = arm(node.thenStatement);
  const rest = node.elseStatement ? { whenFalse: arm(node.elseStatement) } : {};
  return [{ kind: 'if', condition, whenTrue, ...rest, span: scope.span(node) }];
}

export function giveBack(scope: Scope, node: ts.ReturnStatement): Statement[] {
  const span = scope.span(node);
  if (node.expression === undefined) {
    const bare: PendingReturn['statement'] = { kind: 'return', span };
    scope.returns.push({ node, statement: bare });
    return [bare];
  }
  const value = scope.value(node.expression);
  if (value.type.kind === 'void')
    return [
      { kind: 'expression', expression: value, span },
      { kind: 'return', span },
    ];
  const statement = {
    kind: 'return',
    value: coerce(scope.session, value, scope.declaredReturn, node.expression),
    span,
  } as const;
  scope.returns.push({ node: node.expression, statement });
  return [statement];
}
