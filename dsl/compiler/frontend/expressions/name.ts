/** Names, parentheses, and wrappers that mean nothing at run time. */
import { ts } from 'ts-morph';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { at } from '../types/literals.ts';
import { UNKNOWN_OPTIONAL } from '../types/types.ts';

export function identifier(scope: Scope, node: ts.Identifier): Entity {
  if (node.text === 'undefined')
    return { kind: 'value', value: { kind: 'undefined', type: UNKNOWN_OPTIONAL, span: scope.span(node) } };
  const entity = scope.lookup(node);
  return entity.kind === 'value' ? { kind: 'value', value: at(entity.value, scope.span(node)) } : entity;
}

export const wrapped = (
  scope: Scope,
  node: ts.ParenthesizedExpression | ts.SatisfiesExpression | ts.NonNullExpression,
): Entity => scope.entity(node.expression);

/** `as const` only. */
export const assertion = (scope: Scope, node: ts.AsExpression): Entity =>
  ts.isConstTypeReference(node.type) ? scope.entity(node.expression) : scope.refuse('N1010', node);
