/** Every kind of expression with its translator. */
import { ts } from 'ts-morph';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { binary } from './binary.ts';
import { call } from './call.ts';
import { closure } from './closure.ts';
import { conditional } from './conditional.ts';
import { array, bigint, boolean, number, object } from './literal.ts';
import { assertion, identifier, wrapped } from './name.ts';
import { elementAccess, property } from './property.ts';
import { unary } from './unary.ts';

export function expression(scope: Scope, node: ts.Expression): Entity {
  if (ts.isIdentifier(node)) return identifier(scope, node);
  if (ts.isPropertyAccessExpression(node)) return property(scope, node);
  if (ts.isBinaryExpression(node)) return binary(scope, node);
  if (ts.isCallExpression(node)) return call(scope, node);
  if (ts.isNumericLiteral(node)) return number(scope, node);
  if (ts.isBigIntLiteral(node)) return bigint(scope, node);
  if (ts.isParenthesizedExpression(node) || ts.isSatisfiesExpression(node) || ts.isNonNullExpression(node))
    return wrapped(scope, node);
  if (ts.isPrefixUnaryExpression(node)) return unary(scope, node);
  if (ts.isConditionalExpression(node)) return conditional(scope, node);
  if (ts.isElementAccessExpression(node)) return elementAccess(scope, node);
  if (ts.isObjectLiteralExpression(node)) return object(scope, node);
  if (ts.isArrayLiteralExpression(node)) return array(scope, node);
  if (ts.isAsExpression(node)) return assertion(scope, node);
  if (ts.isPostfixUnaryExpression(node)) return scope.refuse('N1018', node);
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return closure(scope, node);
  switch (node.kind) {
    case ts.SyntaxKind.TrueKeyword:
    case ts.SyntaxKind.FalseKeyword:
      return boolean(scope, node);
    default:
      return scope.refuse('N1001', node, { syntax: ts.SyntaxKind[node.kind] });
  }
}
