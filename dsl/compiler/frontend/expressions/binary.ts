/** Binary operators. */
import { ts } from 'ts-morph';
import type { CompareOperator, Expression } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { UNKNOWN_OPTIONAL } from '../types/types.ts';
import { select } from './conditional.ts';
import { arithmetic, compare, logicalShift } from './integers.ts';
import { ARITHMETIC, COMPARE } from './operators.ts';
import { optionalParts } from './optional-chain.ts';
import { isPure } from './purity.ts';

const K = ts.SyntaxKind;

const not = (operand: Expression, type: Expression['type']): Expression => ({
  kind: 'not',
  type,
  operand,
  span: operand.span,
});

/** `=== undefined` and `!== undefined`. */
function presence(scope: Scope, value: Expression, equal: boolean, node: ts.Node): Expression {
  const present = { ...scope.truth(value, node), span: scope.span(node) };
  return equal ? not(present, present.type) : present;
}

function comparison(
  scope: Scope,
  node: ts.BinaryExpression,
  operator: CompareOperator,
  text: string,
): Expression {
  const equality = operator === 'eq' || operator === 'ne';
  const chain = equality ? (optionalParts(scope, node.left) ?? optionalParts(scope, node.right)) : undefined;
  if (chain?.value.type.kind === 'int') {
    const other = scope.value(optionalParts(scope, node.left) ? node.right : node.left);
    const absent: Expression = {
      kind: 'bool',
      type: chain.present.type,
      value: operator === 'ne',
      span: scope.span(node),
    };
    if (other.type === UNKNOWN_OPTIONAL)
      return operator === 'ne' ? chain.present : not(chain.present, absent.type);
    return select(
      scope,
      chain.present,
      compare(scope, operator, text, chain.value, other, node),
      absent,
      node,
    );
  }
  const left = scope.value(node.left);
  const right = scope.value(node.right);
  if (equality) {
    if (right.type === UNKNOWN_OPTIONAL && left.type.kind !== 'int')
      return presence(scope, left, operator === 'eq', node);
    if (left.type === UNKNOWN_OPTIONAL && right.type.kind !== 'int')
      return presence(scope, right, operator === 'eq', node);
  }
  return compare(scope, operator, text, left, right, node);
}

/** `a ?? b`, and `a || b` on references: `a` where it is there. */
function fallback(scope: Scope, node: ts.BinaryExpression): Expression {
  const chain = optionalParts(scope, node.left);
  if (chain !== undefined) return select(scope, chain.present, chain.value, scope.value(node.right), node);
  const left = scope.value(node.left);
  if (left.type.kind !== 'optional') return left;
  if (!isPure(left)) return scope.refuse('N2012', node.left);
  const value: Expression = { kind: 'present', type: left.type.of, operand: left, span: left.span };
  return select(scope, scope.truth(left, node.left), value, scope.value(node.right), node);
}

function logical(scope: Scope, node: ts.BinaryExpression, operator: 'and' | 'or'): Expression {
  const first = scope.value(node.left);
  if (operator === 'or' && first.type.kind === 'optional') {
    const second = scope.value(node.right);
    if (second.type.kind === 'optional' || second.type.kind === 'ref') return fallback(scope, node);
  }
  const left = scope.truth(first, node.left);
  const right = scope.condition(node.right);
  return { kind: 'logical', type: left.type, operator, left, right, span: scope.span(node) };
}

function value(scope: Scope, node: ts.BinaryExpression): Expression {
  const kind = node.operatorToken.kind;
  const operation = ARITHMETIC.get(kind);
  if (operation !== undefined)
    return arithmetic(scope, ...operation, scope.value(node.left), scope.value(node.right), node);
  const relation = COMPARE.get(kind);
  if (relation !== undefined) return comparison(scope, node, ...relation);
  switch (kind) {
    case K.GreaterThanGreaterThanGreaterThanToken:
      return logicalShift(scope, scope.value(node.left), scope.value(node.right), node);
    case K.AmpersandAmpersandToken:
      return logical(scope, node, 'and');
    case K.BarBarToken:
      return logical(scope, node, 'or');
    case K.QuestionQuestionToken:
      return fallback(scope, node);
    default:
      if (kind >= K.FirstAssignment && kind <= K.LastAssignment) return scope.refuse('N1018', node);
      return scope.refuse('N1001', node, { syntax: `the operator '${node.operatorToken.getText()}'` });
  }
}

export const binary = (scope: Scope, node: ts.BinaryExpression): Entity => ({
  kind: 'value',
  value: value(scope, node),
});
