/** `-x`, `+x`, `~x`, `!x`. */
import { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { isFree, literal } from '../types/literals.ts';
import { BOOL, promoted } from '../types/types.ts';
import { convert, integerType } from './integers.ts';

function negate(scope: Scope, operand: Expression, node: ts.Node): Expression {
  const type = promoted(integerType(scope, operand, node));
  const span = scope.span(node);
  if (operand.kind === 'int' && isFree(operand)) return literal(-operand.value, type.bits === 64, span);
  return { kind: 'negate', type, operand: convert(operand, type), span };
}

function complement(scope: Scope, operand: Expression, node: ts.Node): Expression {
  const type = promoted(integerType(scope, operand, node));
  const span = scope.span(node);
  if (operand.kind === 'int' && isFree(operand))
    return literal(~operand.value, type.bits === 64, span, operand.value >= 0n ? 'complement' : 'exact');
  return { kind: 'complement', type, operand: convert(operand, type), span };
}

function value(scope: Scope, node: ts.PrefixUnaryExpression): Expression {
  switch (node.operator) {
    case ts.SyntaxKind.ExclamationToken: {
      const operand = scope.condition(node.operand);
      const span = scope.span(node);
      if (operand.kind === 'bool') return { ...operand, value: !operand.value, span };
      return { kind: 'not', type: BOOL, operand, span };
    }
    case ts.SyntaxKind.MinusToken:
      return negate(scope, scope.value(node.operand), node);
    case ts.SyntaxKind.TildeToken:
      return complement(scope, scope.value(node.operand), node);
    case ts.SyntaxKind.PlusToken: {
      const operand = scope.value(node.operand);
      integerType(scope, operand, node);
      return operand;
    }
    default:
      return scope.refuse('N1018', node);
  }
}

export const unary = (scope: Scope, node: ts.PrefixUnaryExpression): Entity => ({
  kind: 'value',
  value: value(scope, node),
});
