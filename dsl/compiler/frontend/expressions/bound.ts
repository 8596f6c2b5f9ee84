/** A value with effects, or one that costs, that an expression uses more than once: computed once and given a name. */
import type { ts } from 'ts-morph';
import type { Expression, FunctionTree } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { settle } from '../types/coerce.ts';
import { isPure } from './purity.ts';

/**
 * What `use` makes of the value. Where that can't be evaluated again and again, the whole is the call of a function
 * whose one parameter is the value: calls are inlined, so that this is an expression's own variable.
 */
export function bound(
  scope: Scope,
  value: Expression,
  node: ts.Node,
  use: (named: Expression) => Expression,
): Expression {
  // A choice of references is made once: the verifier doesn't know that another comparison ends as the first.
  if (isPure(value) && value.kind !== 'conditional') return use(value);
  const span = scope.span(node);
  const parameter = scope.session.variable('it', value.type);
  const result = settle(scope.session, use(scope.use(parameter, node)), node);
  const tree: FunctionTree = {
    name: 'chain',
    parameters: [parameter],
    returnType: result.type,
    body: [{ kind: 'return', value: result, span }],
    noinline: false,
    span,
  };
  return { kind: 'call', type: result.type, function: tree, arguments: [value], span };
}
