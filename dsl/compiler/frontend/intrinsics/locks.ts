/** `locked(value.lock, () => ...)`: a function without parameters, inlined between taking a spin lock and giving it back. */
import type { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import { instantiate } from '../functions.ts';
import type { Scope } from '../scope.ts';
import { describe, SPIN_LOCK } from '../types/types.ts';
import { argument } from './arguments.ts';

export function locked(scope: Scope, node: ts.CallExpression): Expression {
  const place = argument(scope, node, 0);
  const lock = scope.value(place);
  if (lock.type.kind !== 'ref' || lock.type.layout !== SPIN_LOCK)
    return scope.refuse('N2006', place, { expected: 'a spin lock', found: describe(lock.type) });
  const given = argument(scope, node, 1);
  const entity = scope.entity(given);
  if (entity.kind !== 'function' || entity.source.noinline)
    return scope.refuse('N1020', given, { what: 'what is no inline function, while a lock is held' });
  const body = instantiate(scope.session, entity.source, [], node);
  return { kind: 'locked', type: body.returnType, lock, body, span: scope.span(node) };
}
