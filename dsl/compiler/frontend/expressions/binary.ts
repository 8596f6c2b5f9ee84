/** Binary operators. */
import { ts } from 'ts-morph';
import type { CompareOperator, Expression } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { UNKNOWN_OPTIONAL } from '../types/types.ts';
import { bound } from './bound.ts';
import { select } from './conditional.ts';
import { arithmetic, compare, logicalShift } from './integers.ts';
import { ARITHMETIC, COMPARE } from './operators.ts';
import { type Chain, chained, isChain, spread } from './optional-chain.ts';
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

/** A chain to an integer compared with a value: where the chain is not there, the two differ. */
function chainComparison(
  scope: Scope,
  chain: Chain,
  other: Expression,
  operator: CompareOperator,
  text: string,
  node: ts.BinaryExpression,
): Expression {
  const { type } = chain.present;
  if (other.type === UNKNOWN_OPTIONAL) return operator === 'ne' ? chain.present : not(chain.present, type);
  const absent: Expression = { kind: 'bool', type, value: operator === 'ne', span: scope.span(node) };
  const compared = compare(scope, operator, text, chain.value, other, node);
  return select(scope, chain.present, compared, absent, node);
}

function comparison(
  scope: Scope,
  node: ts.BinaryExpression,
  operator: CompareOperator,
  text: string,
): Expression {
  const equality = operator === 'eq' || operator === 'ne';
  const [side, otherSide] = isChain(node.left) ? [node.left, node.right] : [node.right, node.left];
  const whole =
    equality &&
    chained(scope, side, (chain) => {
      const other = scope.value(otherSide);
      // A chain on the right is computed first.
      if (side === node.right && !isPure(other)) return scope.refuse('N2012', node.left);
      if (chain.value.type.kind === 'int') return chainComparison(scope, chain, other, operator, text, node);
      const reference = spread(scope, chain, side);
      return other.type === UNKNOWN_OPTIONAL
        ? presence(scope, reference, operator === 'eq', node)
        : compare(scope, operator, text, reference, other, node);
    });
  if (whole) return whole;
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
  const whole = chained(scope, node.left, (chain) =>
    select(scope, chain.present, chain.value, scope.value(node.right), node),
  );
  if (whole !== undefined) return whole;
  const left = scope.value(node.left);
  const { type } = left;
  if (type.kind !== 'optional') return left;
  return bound(scope, left, node, (named) => {
    const value: Expression = { kind: 'present', type: type.of, operand: named, span: left.span };
    return select(scope, scope.truth(named, node.left), value, scope.value(node.right), node);
  });
}

/** `a && b` on references: `b` where `a` is there. */
function both(
  scope: Scope,
  present: Expression,
  value: Expression,
  node: ts.BinaryExpression,
): Expression | undefined {
  if (value.type.kind === 'ref') return spread(scope, { present, value }, node);
  if (value.type.kind !== 'optional') return undefined;
  return select(scope, present, value, { kind: 'undefined', type: value.type, span: scope.span(node) }, node);
}

function logical(scope: Scope, node: ts.BinaryExpression, operator: 'and' | 'or'): Expression {
  const first = scope.value(node.left);
  const left = scope.truth(first, node.left);
  const second = scope.value(node.right);
  if (first.type.kind === 'optional') {
    const isReference = second.type.kind === 'optional' || second.type.kind === 'ref';
    if (operator === 'or' && isReference) return fallback(scope, node);
    const reference = operator === 'and' ? both(scope, left, second, node) : undefined;
    if (reference !== undefined) return reference;
  }
  const right = scope.truth(second, node.right);
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
