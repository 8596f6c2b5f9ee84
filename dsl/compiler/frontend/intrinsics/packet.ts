/** `skb.at(layout, offset)` and `stack(layout)`: references into the packet and onto the stack. */
import type { ts } from 'ts-morph';
import type { Layout } from '../../../object/layout.ts';
import type { Expression } from '../../tree/tree.ts';
import { describeEntity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { U32 } from '../types/types.ts';
import { argument, typed } from './arguments.ts';

function layoutArgument(scope: Scope, node: ts.CallExpression): Layout {
  const given = argument(scope, node, 0);
  const entity = scope.entity(given);
  if (entity.kind === 'layout') return entity.layout;
  return scope.refuse('N2006', given, { expected: 'a layout', found: describeEntity(entity) });
}

export function packetAt(scope: Scope, node: ts.CallExpression): Expression {
  const layout = layoutArgument(scope, node);
  return {
    kind: 'packetAt',
    type: { kind: 'optional', of: { kind: 'ref', layout, space: 'packet' } },
    offset: typed(scope, node, 1, U32),
    layout,
    span: scope.span(node),
  };
}

export const stack = (scope: Scope, node: ts.CallExpression): Expression => ({
  kind: 'stack',
  type: { kind: 'ref', layout: layoutArgument(scope, node), space: 'stack' },
  slot: scope.session.slot(),
  span: scope.span(node),
});
