/** `u8(x)` and its kin: explicit conversions. */
import type { ts } from 'ts-morph';
import type { Expression, IntType } from '../../tree/tree.ts';
import { convert } from '../expressions/integers.ts';
import type { Scope } from '../scope.ts';
import { settle } from '../types/coerce.ts';
import { isFree, typedLiteral } from '../types/literals.ts';
import { describe } from '../types/types.ts';
import { argument } from './arguments.ts';

export function conversion(scope: Scope, type: IntType, node: ts.CallExpression): Expression {
  const given = scope.value(argument(scope, node, 0));
  const span = scope.span(node);
  if (given.kind === 'int') return typedLiteral(given.value, type, span);
  if (given.kind === 'bool') return typedLiteral(given.value ? 1n : 0n, type, span);
  if (given.type.kind === 'bool') return { kind: 'convert', type, operand: given, span };
  if (given.type.kind !== 'int')
    return scope.refuse('N2006', node, { expected: 'an integer or a boolean', found: describe(given.type) });
  const operand = isFree(given) ? settle(scope.session, given, node) : given;
  return { ...convert(operand, type), span };
}
