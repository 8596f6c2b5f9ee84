/** lookup, update and delete. */
import type { ts } from 'ts-morph';
import type { MapImage } from '../../../object/image.ts';
import type { Layout } from '../../../object/layout.ts';
import type { Expression, Type } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { convertTo, settle } from '../types/coerce.ts';
import { literal } from '../types/literals.ts';
import { describe, describeLayout, I64, sameLayout, U32, U64 } from '../types/types.ts';
import { argument, typed } from './arguments.ts';

/** The record whose fields a layout lays out. */
function valueType(layout: Layout): Type {
  switch (layout.kind) {
    case 'int':
      return { kind: 'int', bits: layout.bits, signed: layout.signed };
    case 'array':
      return {
        kind: 'record',
        fields: Array.from({ length: layout.length }, (_, index) => ({
          name: String(index),
          type: valueType(layout.element),
        })),
      };
    case 'struct':
      return {
        kind: 'record',
        fields: layout.fields.map((field) => ({ name: field.name, type: valueType(field.layout) })),
      };
  }
}

/** A key or a value: a reference laid out the same, or an integer or record of the layout's fields. */
function laidOut(scope: Scope, node: ts.CallExpression, index: number, layout: Layout): Expression {
  const given = argument(scope, node, index);
  const value = scope.value(given);
  if (value.type.kind !== 'ref') return convertTo(scope.session, value, valueType(layout), given);
  if (sameLayout(value.type.layout, layout)) return value;
  return scope.refuse('N2006', given, { expected: describeLayout(layout), found: describe(value.type) });
}

function flags(scope: Scope, node: ts.CallExpression): Expression {
  if (node.arguments.length > 2) return typed(scope, node, 2, U64);
  return settle(scope.session, literal(0n, true, scope.span(node)), node);
}

/** A method of a map, or undefined when maps have none of that name. */
export function mapMethod(
  scope: Scope,
  map: MapImage,
  name: string,
  node: ts.CallExpression,
): Expression | undefined {
  const key = () =>
    map.kind === 'array' || map.kind === 'percpuArray'
      ? typed(scope, node, 0, U32)
      : laidOut(scope, node, 0, map.key ?? { kind: 'int', bits: 32, signed: false, order: 'little' });
  const span = scope.span(node);
  if (map.value === undefined) return undefined;
  switch (name) {
    case 'lookup':
      return {
        kind: 'mapLookup',
        type: { kind: 'optional', of: { kind: 'ref', layout: map.value, space: 'map' } },
        map: map.name,
        key: key(),
        span,
      };
    case 'update':
      return {
        kind: 'mapUpdate',
        type: I64,
        map: map.name,
        key: key(),
        value: laidOut(scope, node, 1, map.value),
        flags: flags(scope, node),
        span,
      };
    case 'delete':
      return { kind: 'mapDelete', type: I64, map: map.name, key: key(), span };
    default:
      return undefined;
  }
}
