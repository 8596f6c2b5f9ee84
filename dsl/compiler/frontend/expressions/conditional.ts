/** `condition ? a : b`. */
import type { ts } from 'ts-morph';
import type { Expression, IntType } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { convertTo, join, refuseJoin } from '../types/coerce.ts';
import { isFree } from '../types/literals.ts';
import { fits, integer, promoted } from '../types/types.ts';

/** The type of two literals, or choices between literals, where nothing asks more: signed when either is negative. */
function freeType(a: Expression, b: Expression): IntType | undefined {
  if (a.type.kind !== 'int' || b.type.kind !== 'int' || !isFree(a) || !isFree(b)) return undefined;
  return integer(a.type.bits === 64 ? 64 : b.type.bits, a.type.signed || b.type.signed);
}

/** A choice between two values, at the type that holds both. Choices between literals stay free. */
export function select(
  scope: Scope,
  condition: Expression,
  whenTrue: Expression,
  whenFalse: Expression,
  node: ts.Node,
): Expression {
  if (condition.kind === 'bool') return condition.value ? whenTrue : whenFalse;
  const base = { kind: 'conditional', condition, span: scope.span(node) } as const;
  const { session } = scope;
  if (
    whenTrue.type.kind === 'int' &&
    whenFalse.type.kind === 'int' &&
    isFree(whenTrue) !== isFree(whenFalse)
  ) {
    const type = isFree(whenTrue) ? whenFalse.type : whenTrue.type;
    const literal = isFree(whenTrue) ? whenTrue : whenFalse;
    // A literal that an 8- or 16-bit operand's type can't hold is one of the promoted type.
    const fit = literal.kind === 'int' && !fits(literal.value, type) ? promoted(type) : type;
    return {
      ...base,
      type: fit,
      whenTrue: convertTo(session, whenTrue, fit, node),
      whenFalse: convertTo(session, whenFalse, fit, node),
    };
  }
  const free = freeType(whenTrue, whenFalse);
  if (free !== undefined) return { ...base, type: free, whenTrue, whenFalse };
  const type = join(whenTrue.type, whenFalse.type);
  if (type === undefined) return refuseJoin(session, whenTrue.type, whenFalse.type, node);
  if (type.kind === 'record') return { ...base, type, whenTrue, whenFalse };
  return {
    ...base,
    type,
    whenTrue: convertTo(session, whenTrue, type, node),
    whenFalse: convertTo(session, whenFalse, type, node),
  };
}

export const conditional = (scope: Scope, node: ts.ConditionalExpression): Entity => ({
  kind: 'value',
  value: select(
    scope,
    scope.condition(node.condition),
    scope.value(node.whenTrue),
    scope.value(node.whenFalse),
    node,
  ),
});
