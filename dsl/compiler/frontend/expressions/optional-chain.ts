/** `ip?.field`: the field where the reference is there. */
import { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { select } from './conditional.ts';
import { isPure } from './purity.ts';

export interface Chain {
  readonly present: Expression;
  /** The field's value; to be evaluated only where `present` holds. */
  readonly value: Expression;
}

/** The parts of `base?.name`, or undefined when the node is no such chain. */
export function optionalParts(scope: Scope, node: ts.Expression): Chain | undefined {
  if (!ts.isPropertyAccessExpression(node) || node.questionDotToken === undefined) return undefined;
  const base = scope.value(node.expression);
  if (base.type.kind !== 'optional') return undefined;
  if (!isPure(base)) return scope.refuse('N2012', node.expression);
  const there: Expression = { kind: 'present', type: base.type.of, operand: base, span: base.span };
  return {
    present: scope.truth(base, node.expression),
    value: scope.session.translators.field(scope, there, node.name.text, node),
  };
}

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
