/** `atomic.add(state, 'field', value)` and its kin. */
import { ts } from 'ts-morph';
import type { AtomicOperator, Expression, RefType } from '../../tree/tree.ts';
import { element, member } from '../expressions/property.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';
import { describe, describeLayout, VOID } from '../types/types.ts';
import { argument, typed } from './arguments.ts';

function place(scope: Scope, node: ts.CallExpression): Expression & { readonly type: RefType } {
  const baseNode = argument(scope, node, 0);
  const base = scope.value(baseNode);
  const key = argument(scope, node, 1);
  const { type } = base;
  if (type.kind !== 'ref')
    return scope.refuse('N2006', baseNode, { expected: 'a reference', found: describe(type) });
  const { unproven } = scope.session;
  if (type.space === 'settings' && !unproven) return scope.refuse('N3004', baseNode, { what: 'a setting' });
  if (type.space === 'packet' && !unproven) return scope.refuse('N3011', baseNode);
  if (type.layout.kind === 'array') return element(scope, base, type, key, node);
  if (!ts.isStringLiteral(key)) return scope.refuse('N1005', key);
  return member(scope, base, type, key.text, node);
}

export const atomic =
  (operator: AtomicOperator, fetch: boolean) =>
  (scope: Scope, node: ts.CallExpression): Expression => {
    const on = place(scope, node);
    const { layout } = on.type;
    if (layout.kind !== 'int' || layout.bits < 32 || layout.order === 'big')
      return scope.refuse('N3008', node, { type: describeLayout(layout) });
    const integer = { kind: 'int', bits: layout.bits, signed: layout.signed } as const;
    const swap = operator === 'compareExchange';
    const valueNode = argument(scope, node, swap ? 3 : 2);
    return {
      kind: 'atomic',
      type: fetch ? integer : VOID,
      operator,
      fetch,
      on,
      layout,
      ...(swap ? { expected: typed(scope, node, 2, integer) } : {}),
      value: convertTo(scope.session, scope.value(valueNode), integer, valueNode),
      span: scope.span(node),
    };
  };
