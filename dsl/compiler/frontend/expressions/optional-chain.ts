/** `ip?.field`: the field where the reference is there. */
import { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { bound } from './bound.ts';
import { select } from './conditional.ts';

export interface Chain {
  readonly present: Expression;
  /** The field's value; to be evaluated only where `present` holds. */
  readonly value: Expression;
}

const isAccess = (node: ts.Expression): node is ts.PropertyAccessExpression | ts.ElementAccessExpression =>
  ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node);

/**
 * What `use` makes of the parts of `base?.name`, the base computed once, or of `base?.inner.name` likewise; undefined
 * when the node is no such chain.
 */
export function chained(
  scope: Scope,
  node: ts.Expression,
  use: (chain: Chain) => Expression,
): Expression | undefined {
  if (ts.isParenthesizedExpression(node)) return chained(scope, node.expression, use);
  if (!isAccess(node) || !ts.isOptionalChain(node)) return undefined;
  const base = scope.value(node.expression);
  if (base.type.kind !== 'optional') return undefined;
  const { of } = base.type;
  return bound(scope, base, node, (named) => {
    const there: Expression = { kind: 'present', type: of, operand: named, span: base.span };
    const { field, element } = scope.session.translators;
    const value = ts.isPropertyAccessExpression(node)
      ? field(scope, there, node.name.text, node)
      : element(scope, there, node);
    return use({ present: scope.truth(named, node.expression), value });
  });
}

/** Whether the node is a chain, for whoever has to evaluate something before it. */
export const isChain = (node: ts.Expression): boolean =>
  ts.isParenthesizedExpression(node) ? isChain(node.expression) : isAccess(node) && ts.isOptionalChain(node);

/** The chain as an optional reference; integers have no value for "not there". */
export function spread(scope: Scope, chain: Chain, node: ts.Node): Expression {
  if (chain.value.type.kind !== 'ref') return scope.refuse('N2010', node, { type: 'an integer' });
  const type = { kind: 'optional', of: chain.value.type } as const;
  const span = scope.span(node);
  return select(
    scope,
    chain.present,
    { kind: 'optional', type, operand: chain.value, span },
    { kind: 'undefined', type, span },
    node,
  );
}
