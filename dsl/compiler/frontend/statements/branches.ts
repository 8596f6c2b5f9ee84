/** `if`, `return`, and the jumps out of loops. */
import { ts } from 'ts-morph';
import type { Expression, Statement } from '../../tree/tree.ts';
import type { PendingReturn, Scope } from '../scope.ts';
import { coerce } from '../types/coerce.ts';
import { isFree } from '../types/literals.ts';

export function branch(scope: Scope, node: ts.IfStatement): Statement[] {
  const condition = scope.condition(node.expression);
  const arm = (statement: ts.Statement) => scope.block(scope.statements([statement]), statement);
  const whenTrue = arm(node.thenStatement);
  const rest = node.elseStatement ? { whenFalse: arm(node.elseStatement) } : {};
  return [{ kind: 'if', condition, whenTrue, ...rest, span: scope.span(node) }];
}

/** A returned value at the declared type; without one, a literal waits for what the other returns give. */
export const returned = (scope: Scope, value: Expression, node: ts.Node): Expression =>
  scope.declaredReturn.kind === 'inferred' && isFree(value)
    ? value
    : coerce(scope.session, value, scope.declaredReturn, node);

export function jump(scope: Scope, node: ts.BreakOrContinueStatement): Statement[] {
  const kind = ts.isBreakStatement(node) ? 'break' : 'continue';
  const label = node.label && { label: node.label.text };
  return [{ kind, ...label, span: scope.span(node) }];
}

/** The name that jumps may call a loop or a switch by. */
export const labelOf = ({
  parent,
}: ts.IterationStatement | ts.SwitchStatement): { readonly label?: string } =>
  ts.isLabeledStatement(parent) ? { label: parent.label.text } : {};

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
    value: returned(scope, value, node.expression),
    span,
  } as const;
  scope.returns.push({ node: node.expression, statement });
  return [statement];
}
