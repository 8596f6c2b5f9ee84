/** Assignments, compound assignments, `++` and `--`; and every other expression as a statement. */
import { ts } from 'ts-morph';
import type { ArithmeticOperator, Expression, Statement } from '../../tree/tree.ts';
import { arithmetic, logicalShift } from '../expressions/integers.ts';
import { ARITHMETIC } from '../expressions/operators.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';
import { isFree, literal } from '../types/literals.ts';
import { describe, widens } from '../types/types.ts';
import { type Place, placeOf } from './places.ts';

const K = ts.SyntaxKind;

const COMPOUND: ReadonlyMap<ts.SyntaxKind, ts.SyntaxKind> = new Map([
  [K.PlusEqualsToken, K.PlusToken],
  [K.MinusEqualsToken, K.MinusToken],
  [K.AsteriskEqualsToken, K.AsteriskToken],
  [K.SlashEqualsToken, K.SlashToken],
  [K.PercentEqualsToken, K.PercentToken],
  [K.AmpersandEqualsToken, K.AmpersandToken],
  [K.BarEqualsToken, K.BarToken],
  [K.CaretEqualsToken, K.CaretToken],
  [K.LessThanLessThanEqualsToken, K.LessThanLessThanToken],
  [K.GreaterThanGreaterThanEqualsToken, K.GreaterThanGreaterThanToken],
  [K.GreaterThanGreaterThanGreaterThanEqualsToken, K.GreaterThanGreaterThanGreaterThanToken],
]);

/**
 * The result of a compound assignment wraps at the place's own width, as there is no place in `x += y` to write a
 * conversion. The right operand must fit that width by itself.
 */
function narrowBack(
  scope: Scope,
  place: Place,
  operand: Expression,
  result: Expression,
  node: ts.Node,
): Expression {
  const { type } = place;
  if (type.kind !== 'int' || result.type.kind !== 'int' || operand.type.kind !== 'int')
    return convertTo(scope.session, result, type, node);
  if (!isFree(operand) && !widens(operand.type, type))
    return scope.refuse('N2001', node, { from: describe(operand.type), to: describe(type) });
  if (result.type.bits === type.bits && result.type.signed === type.signed) return result;
  return { kind: 'convert', type, operand: result, span: result.span };
}

function update(
  scope: Scope,
  target: ts.Expression,
  operator: readonly [ArithmeticOperator, string] | undefined,
  operand: Expression,
  node: ts.Expression,
): Statement[] {
  const place = placeOf(scope, target);
  const shift = operator === undefined || operator[0] === 'shl' || operator[0] === 'shr';
  const result =
    operator === undefined
      ? logicalShift(scope, place.read, operand, node)
      : arithmetic(scope, ...operator, place.read, operand, node);
  const back = narrowBack(scope, place, shift ? place.read : operand, result, node);
  return [...place.before, place.write(back, node)];
}

function assign(scope: Scope, node: ts.BinaryExpression): Statement[] {
  const place = placeOf(scope, node.left);
  if (place.type.kind === 'ref' && place.read.kind === 'load') return scope.refuse('N3005', node);
  const value = convertTo(scope.session, scope.value(node.right), place.type, node.right);
  return [...place.before, place.write(value, node)];
}

function step(scope: Scope, node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): Statement[] {
  const { type } = placeOf(scope, node.operand);
  const one = literal(1n, type.kind === 'int' && type.bits === 64, scope.span(node));
  const up = node.operator === K.PlusPlusToken;
  return update(scope, node.operand, up ? ['add', '++'] : ['sub', '--'], one, node);
}

const isStep = (node: ts.Node): node is ts.PrefixUnaryExpression | ts.PostfixUnaryExpression =>
  (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
  (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken);

/** An expression for its effect. */
export function effect(scope: Scope, node: ts.Expression): Statement[] {
  if (ts.isParenthesizedExpression(node)) return effect(scope, node.expression);
  if (isStep(node)) return step(scope, node);
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    if (kind === K.EqualsToken) return assign(scope, node);
    if (kind === K.CommaToken) return [...effect(scope, node.left), ...effect(scope, node.right)];
    const operator = COMPOUND.get(kind);
    if (operator !== undefined)
      return update(scope, node.left, ARITHMETIC.get(operator), scope.value(node.right), node);
    if (kind > K.EqualsToken && kind <= K.LastAssignment)
      return scope.refuse('N1001', node, { syntax: `the operator '${node.operatorToken.getText()}'` });
  }
  return [{ kind: 'expression', expression: scope.value(node), span: scope.span(node) }];
}
