/** Calls: of the program's functions, of what dsl/lang exports, and of methods of maps and the context. */
import { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import { describeEntity, type Entity } from '../entities.ts';
import { call as callFunction } from '../functions.ts';
import { conversion } from '../intrinsics/conversions.ts';
import { mapMethod, mapReferredTo } from '../intrinsics/maps.ts';
import { packetAt, packetLoad } from '../intrinsics/packet.ts';
import { INTRINSICS, METHODS } from '../intrinsics/table.ts';
import type { Scope } from '../scope.ts';
import { INTEGERS } from '../types/types.ts';
import { bound } from './bound.ts';
import { select } from './conditional.ts';

function method(
  scope: Scope,
  callee: ts.PropertyAccessExpression,
  node: ts.CallExpression,
): Expression | undefined {
  const base = scope.entity(callee.expression);
  const name = callee.name.text;
  if (base.kind === 'map') return mapMethod(scope, { map: base.map }, name, node);
  const inner = base.kind === 'value' ? mapReferredTo(scope, base.value) : undefined;
  if (inner !== undefined) return mapMethod(scope, inner, name, node);
  if (base.kind === 'value' && base.value.type.kind === 'context') {
    if (name === 'at') return packetAt(scope, node);
    return name === 'load' ? packetLoad(scope, node) : undefined;
  }
  if (base.kind !== 'intrinsic') return undefined;
  return METHODS.get(`${base.name}.${name}`)?.(scope, node);
}

function intrinsic(scope: Scope, name: string, node: ts.CallExpression): Expression {
  const target = INTEGERS[name];
  if (target !== undefined) return conversion(scope, target, node);
  const translate = INTRINSICS.get(name);
  if (translate === undefined) return scope.refuse('N3007', node, { what: `${name}(...)` });
  return translate(scope, node);
}

/** Namespaces (`import * as sketch`) hold functions under names of their own. */
const isNamespace = (scope: Scope, node: ts.Expression): boolean =>
  ((scope.session.symbol(node)?.flags ?? 0) & ts.SymbolFlags.ValueModule) !== 0;

/** `zones.lookup(1)?.lookup(2)`: a method of an inner map, where the map is there. */
function inChain(scope: Scope, node: ts.CallExpression): Expression | undefined {
  const callee = node.expression;
  if (!ts.isPropertyAccessExpression(callee) || !callee.questionDotToken) return undefined;
  const base = scope.value(callee.expression);
  if (base.type.kind !== 'optional' || base.type.of.space !== 'innerMap') return undefined;
  const { of } = base.type;
  return bound(scope, base, node, (named) => {
    const there: Expression = { kind: 'present', type: of, operand: named, span: base.span };
    const inner = mapReferredTo(scope, there);
    const result = inner && mapMethod(scope, inner, callee.name.text, node);
    if (result === undefined) return scope.refuse('N1020', callee, { what: `'${callee.name.text}'` });
    const span = scope.span(node);
    if (result.type.kind !== 'optional') return scope.refuse('N2010', node, { type: 'an integer' });
    const missing: Expression = { kind: 'undefined', type: result.type, span };
    return select(scope, scope.truth(named, callee.expression), result, missing, node);
  });
}

function value(scope: Scope, node: ts.CallExpression): Expression {
  const callee = node.expression;
  const chained = inChain(scope, node);
  if (chained !== undefined) return chained;
  if (node.questionDotToken) return scope.refuse('N1001', node, { syntax: "a call through '?.'" });
  if (ts.isPropertyAccessExpression(callee) && !isNamespace(scope, callee.expression)) {
    const result = method(scope, callee, node);
    return result ?? scope.refuse('N1020', callee, { what: `'${callee.name.text}'` });
  }
  const entity = scope.entity(callee);
  if (entity.kind === 'intrinsic') return intrinsic(scope, entity.name, node);
  if (entity.kind !== 'function') return scope.refuse('N1020', callee, { what: describeEntity(entity) });
  const given = node.arguments.map((argument) => scope.entity(argument));
  return callFunction(scope, entity.source, given, node);
}

export const call = (scope: Scope, node: ts.CallExpression): Entity => ({
  kind: 'value',
  value: value(scope, node),
});
