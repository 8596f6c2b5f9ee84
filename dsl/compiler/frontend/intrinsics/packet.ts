/** `skb.at(layout, offset)`, `skb.load(layout, offset)` and `stack(layout)`: references into the packet and onto the stack. */
import type { ts } from 'ts-morph';
import { CONTEXTS } from '../../../machine/contexts.ts';
import type { Layout } from '../../../object/layout.ts';
import type { Expression, FunctionTree, OptionalType, RefType, Variable } from '../../tree/tree.ts';
import { describeEntity } from '../entities.ts';
import { refuseLocks } from '../module/maps.ts';
import type { Scope } from '../scope.ts';
import { BOOL, CONTEXT, I64, U32 } from '../types/types.ts';
import { argument, typed } from './arguments.ts';

function layoutArgument(scope: Scope, node: ts.CallExpression): Layout {
  const given = argument(scope, node, 0);
  const entity = scope.entity(given);
  if (entity.kind === 'layout') {
    refuseLocks(scope, entity.layout, 'packets or on the stack', given);
    return entity.layout;
  }
  return scope.refuse('N2006', given, { expected: 'a layout', found: describeEntity(entity) });
}

export function packetAt(scope: Scope, node: ts.CallExpression): Expression {
  if (CONTEXTS[scope.session.kind ?? 'classifier'].data === undefined)
    return scope.refuse('N1020', node, { what: "'at' of this kind of context" });
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

/**
 * `skb.load(layout, offset)` as a function of the tree: a place on the stack that bpf_skb_load_bytes fills, or
 * `undefined` where it fails. The helper writes all of the place, so that it need not be zeroed.
 */
function loader(scope: Scope, layout: Layout, node: ts.Node): FunctionTree {
  const span = scope.span(node);
  const ref: RefType = { kind: 'ref', layout, space: 'stack' };
  const type: OptionalType = { kind: 'optional', of: ref };
  const use = (variable: Variable): Expression => ({
    kind: 'variable',
    type: variable.type,
    variable,
    span,
  });
  const offset = scope.session.variable('offset', U32);
  const copy = scope.session.unnamed('copy', ref);
  const failed: Expression = {
    kind: 'compare',
    type: BOOL,
    operator: 'lt',
    left: {
      kind: 'helper',
      type: I64,
      name: 'skbLoadBytes',
      arguments: [{ kind: 'context', type: CONTEXT, span }, use(offset), use(copy)],
      span,
    },
    right: { kind: 'int', type: I64, value: 0n, span },
    span,
  };
  return {
    name: 'load',
    parameters: [offset],
    returnType: type,
    body: [
      {
        kind: 'declare',
        variable: copy,
        value: { kind: 'stack', type: ref, slot: scope.session.slot(), uninitialised: true, span },
        span,
      },
      {
        kind: 'if',
        condition: { kind: 'hint', type: BOOL, likely: false, operand: failed, span },
        whenTrue: { kind: 'return', value: { kind: 'undefined', type, span }, span },
        span,
      },
      { kind: 'return', value: { kind: 'optional', type, operand: use(copy), span }, span },
    ],
    noinline: false,
    span,
  };
}

export function packetLoad(scope: Scope, node: ts.CallExpression): Expression {
  if (CONTEXTS[scope.session.kind ?? 'classifier'].struct !== '__sk_buff')
    return scope.refuse('N1020', node, { what: "'load' of this kind of context" });
  const layout = layoutArgument(scope, node);
  const tree = loader(scope, layout, node);
  return {
    kind: 'call',
    type: tree.returnType,
    function: tree,
    arguments: [typed(scope, node, 1, U32)],
    span: scope.span(node),
  };
}
