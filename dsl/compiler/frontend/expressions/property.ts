/** `base.name` and `base[index]`. */
import { ts } from 'ts-morph';
import { CONTEXTS, contextField as fieldOfKind } from '../../../machine/contexts.ts';
import { type Layout, sizeOf } from '../../../object/layout.ts';
import type { Expression, RefType } from '../../tree/tree.ts';
import { describeEntity, type Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { settle } from '../types/coerce.ts';
import { adapt, isFree, literal } from '../types/literals.ts';
import { describe, INTEGERS, U32 } from '../types/types.ts';
import { convert, integerType } from './integers.ts';
import { chained, spread } from './optional-chain.ts';

const value = (expression: Expression): Entity => ({ kind: 'value', value: expression });

/** What lies at a place: the integer itself, or a reference to the struct or array. */
export function read(place: Expression & { readonly type: RefType }): Expression {
  const { layout } = place.type;
  if (layout.kind !== 'int') return place;
  const type = { kind: 'int', bits: layout.bits, signed: layout.signed } as const;
  return { kind: 'load', type, from: place, layout, span: place.span };
}

const refTo = (base: RefType, layout: Layout): RefType => ({ kind: 'ref', layout, space: base.space });

/** The place of a struct's field. */
export function member(
  scope: Scope,
  base: Expression,
  of: RefType,
  name: string,
  node: ts.Node,
): Expression & { readonly type: RefType } {
  const field =
    of.layout.kind === 'struct' ? of.layout.fields.find((candidate) => candidate.name === name) : undefined;
  if (field === undefined)
    return scope.refuse('N2006', node, {
      expected: `a layout with the field '${name}'`,
      found: describe(of),
    });
  return {
    kind: 'member',
    type: refTo(of, field.layout),
    base,
    offset: field.offset,
    span: scope.span(node),
  };
}

/** The place of an array's element. Whether the index is in range the flow analysis shows. */
export function element(
  scope: Scope,
  base: Expression,
  of: RefType,
  indexNode: ts.Expression,
  node: ts.Node,
): Expression & { readonly type: RefType } {
  if (of.layout.kind !== 'array')
    return scope.refuse('N2006', node, { expected: 'an array', found: describe(of) });
  const { element: layout, length } = of.layout;
  const given = scope.value(indexNode);
  const type = integerType(scope, given, indexNode);
  const adapted = isFree(given) ? adapt(given, U32) : undefined;
  if (adapted && !('node' in adapted))
    return scope.refuse('N3001', indexNode, {
      range: String(adapted.misfit.value),
      length: String(length),
      mask: String(length - 1),
    });
  const index = adapted?.node ?? (type.signed || type.bits < 32 ? convert(given, U32) : given);
  return {
    kind: 'element',
    type: refTo(of, layout),
    base,
    index,
    stride: sizeOf(layout),
    length,
    span: scope.span(node),
  };
}

function contextField(scope: Scope, name: string, node: ts.Node): Expression {
  const span = scope.span(node);
  const { kind = 'classifier' } = scope.session;
  if (name === 'linearLength' && CONTEXTS[kind].data) return { kind: 'linearLength', type: U32, span };
  const field = fieldOfKind(kind, name);
  const type = field && INTEGERS[field.type];
  if (type === undefined) return scope.refuse('N1020', node, { what: `'${name}' of the context` });
  return { kind: 'contextField', type, name, span };
}

/** A field of a record; of a literal one, the value itself. */
function recordField(scope: Scope, base: Expression, name: string, node: ts.Node): Expression {
  if (base.type.kind !== 'record')
    return scope.refuse('N2006', node, { expected: 'a record', found: describe(base.type) });
  const index = base.type.fields.findIndex((field) => field.name === name);
  const field = base.type.fields[index];
  if (field === undefined)
    return scope.refuse('N2006', node, { expected: `the field '${name}'`, found: describe(base.type) });
  const own =
    base.kind === 'record' &&
    base.values.every((part) => part.kind === 'int' || part.kind === 'bool' || part.kind === 'record');
  if (own && base.values[index] !== undefined) return base.values[index];
  return {
    kind: 'field',
    type: field.type,
    record: settle(scope.session, base, node),
    name,
    span: scope.span(node),
  };
}

/** `base.name` where `base` is a value. */
export function fieldOf(scope: Scope, base: Expression, name: string, node: ts.Node): Expression {
  switch (base.type.kind) {
    case 'context':
      return contextField(scope, name, node);
    case 'record':
      return recordField(scope, base, name, node);
    case 'ref':
      if (base.type.layout.kind === 'array' && name === 'length')
        return literal(BigInt(base.type.layout.length), false, scope.span(node));
      return read(member(scope, base, base.type, name, node));
    default:
      return scope.refuse('N2006', node, { expected: 'a reference or a record', found: describe(base.type) });
  }
}

function entityField(scope: Scope, base: Entity, node: ts.PropertyAccessExpression): Entity {
  if (base.kind === 'value') return value(fieldOf(scope, base.value, node.name.text, node));
  if (base.kind === 'layout' && node.name.text === 'size')
    return value(literal(BigInt(sizeOf(base.layout)), false, scope.span(node)));
  return scope.refuse('N1019', node, { what: `'${node.name.text}' of ${describeEntity(base)}` });
}

/** `import * as headers` and enums: the property is a name of its own. */
function isQualifiedName(scope: Scope, node: ts.PropertyAccessExpression): boolean {
  const flags = scope.session.symbol(node.expression)?.flags ?? 0;
  return (flags & (ts.SymbolFlags.ValueModule | ts.SymbolFlags.Enum)) !== 0;
}

export function property(scope: Scope, node: ts.PropertyAccessExpression): Entity {
  if (ts.isIdentifier(node.name) && isQualifiedName(scope, node)) {
    const symbol = scope.session.symbol(node.name);
    if (symbol !== undefined) return scope.session.entity(symbol, node);
  }
  const whole = chained(scope, node, (chain) => spread(scope, chain, node));
  if (whole !== undefined) return value(whole);
  return entityField(scope, scope.entity(node.expression), node);
}

/** `base[index]` where `base` is a value: an array's element, or a tuple's. */
export function elementOf(scope: Scope, base: Expression, node: ts.ElementAccessExpression): Expression {
  if (base.type.kind === 'ref') return read(element(scope, base, base.type, node.argumentExpression, node));
  const index = settle(scope.session, scope.value(node.argumentExpression), node.argumentExpression);
  if (index.kind !== 'int') return scope.refuse('N2014', node.argumentExpression);
  return fieldOf(scope, base, String(index.value), node);
}

export function elementAccess(scope: Scope, node: ts.ElementAccessExpression): Entity {
  const whole = chained(scope, node, (chain) => spread(scope, chain, node));
  return value(whole ?? elementOf(scope, scope.value(node.expression), node));
}
