/** min, max, smin, smax, likely and unlikely. */
import type { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import { unify } from '../expressions/integers.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';
import { isFree, literal, typedLiteral } from '../types/literals.ts';
import { BOOL, I32, I64 } from '../types/types.ts';
import { argument } from './arguments.ts';

export const extremum =
  (name: string, which: 'min' | 'max', signed: boolean) =>
  (scope: Scope, node: ts.CallExpression): Expression => {
    const span = scope.span(node);
    const given = [0, 1].map((index) => {
      const at = argument(scope, node, index);
      const value = scope.value(at);
      if (!signed || value.type.kind !== 'int' || isFree(value)) return value;
      return convertTo(scope.session, value, value.type.bits === 64 ? I64 : I32, at);
    });
    const [first, second] = given;
    if (first === undefined || second === undefined)
      return scope.refuse('N1001', node, { syntax: `${name} without arguments` });
    const pick = (a: bigint, b: bigint) => (a < b === (which === 'min') ? a : b);
    if (first.kind === 'int' && second.kind === 'int' && isFree(first) && isFree(second))
      return literal(pick(first.value, second.value), first.type.bits === 64, span);
    const { left, right, type } = unify(scope, name, first, second, node);
    if (!signed && type.signed)
      return scope.refuse('N2006', node, {
        expected: 'unsigned operands',
        found: 'signed ones: use smin or smax',
      });
    if (left.kind === 'int' && right.kind === 'int')
      return typedLiteral(pick(left.value, right.value), type, span);
    return { kind: 'extremum', type, which, left, right, span };
  };

export const hint =
  (isLikely: boolean) =>
  (scope: Scope, node: ts.CallExpression): Expression => ({
    kind: 'hint',
    type: BOOL,
    likely: isLikely,
    operand: scope.condition(argument(scope, node, 0)),
    span: scope.span(node),
  });
