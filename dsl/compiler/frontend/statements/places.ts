/** What an assignment writes to. */
import { ts } from 'ts-morph';
import { CONTEXTS, contextField } from '../../../machine/contexts.ts';
import type { IntLayout } from '../../../object/layout.ts';
import type { Expression, Statement, Type } from '../../tree/tree.ts';
import { describeEntity } from '../entities.ts';
import { element, member } from '../expressions/property.ts';
import { isPure } from '../expressions/purity.ts';
import type { Scope } from '../scope.ts';
import { INTEGERS } from '../types/types.ts';

export interface Place {
  readonly type: Type;
  /** What has to run before the place is read or written: an address with effects is computed once. */
  readonly before: readonly Statement[];
  readonly read: Expression;
  readonly write: (value: Expression, node: ts.Node) => Statement;
}

function variablePlace(scope: Scope, node: ts.Identifier): Place {
  const entity = scope.lookup(node);
  if (entity.kind !== 'value' || entity.value.kind !== 'variable')
    return scope.refuse('N1019', node, {
      what: entity.kind === 'value' ? 'a constant' : describeEntity(entity),
    });
  const { variable } = entity.value;
  return {
    type: variable.type,
    before: [],
    read: scope.use(variable, node),
    write: (value, at) => ({ kind: 'assign', variable, value, span: scope.span(at) }),
  };
}

function contextPlace(scope: Scope, name: string, node: ts.Expression): Place {
  const field = contextField(scope.session.kind ?? 'classifier', name);
  const type = field && INTEGERS[field.type];
  if (type === undefined || !field?.writable)
    return scope.refuse('N3004', node, { what: `'${name}' of the context` });
  return {
    type,
    before: [],
    read: { kind: 'contextField', type, name, span: scope.span(node) },
    write: (value, at) => ({ kind: 'storeContext', name, value, span: scope.span(at) }),
  };
}

function memoryPlace(scope: Scope, to: Expression, layout: IntLayout, node: ts.Expression): Place {
  const type = { kind: 'int', bits: layout.bits, signed: layout.signed } as const;
  const span = scope.span(node);
  const address = isPure(to) ? undefined : scope.session.unnamed('place', to.type);
  const from = address ? scope.use(address, node) : to;
  return {
    type,
    before: address ? [{ kind: 'declare', variable: address, value: to, span }] : [],
    read: { kind: 'load', type, from, layout, span },
    write: (value, at) => ({ kind: 'store', to: from, layout, value, span: scope.span(at) }),
  };
}

function recordPlace(scope: Scope, base: Expression, name: string, node: ts.Expression): Place {
  const path = [name];
  let root = base;
  while (root.kind === 'field') {
    path.unshift(root.name);
    root = root.record;
  }
  const type = scope.session.translators.field(scope, base, name, node).type;
  if (root.kind !== 'variable') return scope.refuse('N1019', node, { what: 'a field of a constant' });
  const { variable } = root;
  return {
    type,
    before: [],
    read: { kind: 'field', type, record: base, name, span: scope.span(node) },
    write: (value, at) => ({ kind: 'assignField', variable, path, value, span: scope.span(at) }),
  };
}

function fieldPlace(scope: Scope, node: ts.PropertyAccessExpression | ts.ElementAccessExpression): Place {
  const base = scope.value(node.expression);
  const name = ts.isPropertyAccessExpression(node) ? node.name.text : undefined;
  if (base.type.kind === 'context' && name !== undefined) return contextPlace(scope, name, node);
  if (base.type.kind === 'record') {
    const index =
      name === undefined && ts.isElementAccessExpression(node) ? node.argumentExpression : undefined;
    if (index !== undefined && !ts.isNumericLiteral(index)) scope.refuse('N2014', index);
    return recordPlace(scope, base, name ?? index?.getText() ?? '', node);
  }
  if (base.type.kind !== 'ref') return scope.refuse('N1019', node, { what: 'this place' });
  if (base.type.space === 'settings' && !scope.session.unproven)
    return scope.refuse('N3004', node, { what: 'a setting' });
  const { data } = CONTEXTS[scope.session.kind ?? 'classifier'];
  if (base.type.space === 'packet' && data?.writable === false && !scope.session.unproven)
    return scope.refuse('N3012', node, { kind: scope.session.kind ?? '' });
  const place = ts.isElementAccessExpression(node)
    ? element(scope, base, base.type, node.argumentExpression, node)
    : member(scope, base, base.type, node.name.text, node);
  if (place.type.layout.kind !== 'int') return scope.refuse('N3005', node);
  return memoryPlace(scope, place, place.type.layout, node);
}

/** The place that the left side of an assignment names. */
export function placeOf(scope: Scope, node: ts.Expression): Place {
  if (ts.isParenthesizedExpression(node)) return placeOf(scope, node.expression);
  if (ts.isIdentifier(node)) return variablePlace(scope, node);
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node))
    return fieldPlace(scope, node);
  return scope.refuse('N1001', node, { syntax: 'this assignment target' });
}
