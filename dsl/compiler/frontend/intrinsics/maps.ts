/** The methods of maps. */
import type { ts } from 'ts-morph';
import type { MapImage } from '../../../object/image.ts';
import { layoutStruct } from '../../../object/layout.ts';
import type { Expression, RefType } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { settle } from '../types/coerce.ts';
import { literal } from '../types/literals.ts';
import { CONTEXT, countLocks, describe, I64, U32, U64, VOID } from '../types/types.ts';
import { argument, typed } from './arguments.ts';
import { laidOut } from './laid-out.ts';

/** A map, or a reference to one that another map holds. */
export interface MapOperand {
  readonly map: MapImage;
  readonly on?: Expression;
}

function flags(scope: Scope, node: ts.CallExpression, index: number): Expression {
  if (node.arguments.length > index) return typed(scope, node, index, U64);
  return settle(scope.session, literal(0n, true, scope.span(node)), node);
}

/** The type of a reference to what a map of maps holds: memory that only map operations can use. */
export function innerMapType(inner: MapImage): RefType {
  return { kind: 'ref', layout: layoutStruct(inner.name, []), space: 'innerMap' };
}

/** The maps of the module and those that they hold. */
const described = (scope: Scope): readonly MapImage[] =>
  scope.session.maps.flatMap((map) => (map.inner ? [map, map.inner] : [map]));

/** The map that a reference is to. */
export function mapReferredTo(scope: Scope, on: Expression): MapOperand | undefined {
  if (on.type.kind !== 'ref' || on.type.space !== 'innerMap') return undefined;
  const { layout } = on.type;
  const map =
    layout.kind === 'struct' ? described(scope).find(({ name }) => name === layout.name) : undefined;
  return map && { map, on };
}

function lookup(scope: Scope, { map, on }: MapOperand, node: ts.CallExpression): Expression | undefined {
  const layout = map.value;
  const of: RefType | undefined = map.inner
    ? innerMapType(map.inner)
    : layout && { kind: 'ref', layout, space: 'map' };
  return (
    of && {
      kind: 'mapLookup',
      type: { kind: 'optional', of },
      map: map.name,
      ...(on && { on }),
      key: key(scope, map, node),
      span: scope.span(node),
    }
  );
}

const isIndexed = ({ kind }: MapImage): boolean =>
  kind === 'array' || kind === 'percpuArray' || kind === 'arrayOfMaps';

function key(scope: Scope, map: MapImage, node: ts.CallExpression): Expression {
  if (map.key === undefined || isIndexed(map)) return typed(scope, node, 0, U32);
  return laidOut(scope, argument(scope, node, 0), map.key);
}

/** A method of a ring buffer. */
function ringMethod(scope: Scope, map: MapImage, name: string, node: ts.CallExpression) {
  const layout = scope.session.records.get(map);
  const span = scope.span(node);
  if (layout === undefined) return undefined;
  switch (name) {
    case 'reserve': {
      const of: RefType = { kind: 'ref', layout, space: 'ring' };
      return { kind: 'reserve', type: { kind: 'optional', of }, map: map.name, span } as const;
    }
    case 'submit':
    case 'discard': {
      const given = argument(scope, node, 0);
      const record = scope.value(given);
      if (record.type.kind !== 'ref' || record.type.space !== 'ring')
        return scope.refuse('N2006', given, {
          expected: 'a record that this program has reserved',
          found: describe(record.type),
        });
      const submit = name === 'submit';
      return {
        kind: 'settle',
        type: VOID,
        record,
        submit,
        flags: flags(scope, node, 1),
        span,
      } as const;
    }
    case 'output': {
      const value = laidOut(scope, argument(scope, node, 0), layout);
      // bpf_ringbuf_output has no pkt_access (kernel/bpf/ringbuf.c).
      if (value.type.kind === 'ref' && value.type.space === 'packet' && !scope.session.unproven)
        scope.refuse('N3013', argument(scope, node, 0), { helper: 'output', space: 'packet' });
      return {
        kind: 'output',
        type: I64,
        map: map.name,
        layout,
        value,
        flags: flags(scope, node, 1),
        span,
      } as const;
    }
    default:
      return undefined;
  }
}

/** A tail call: from the program itself, whose frame it takes over. */
function tailCall(scope: Scope, map: MapImage, node: ts.CallExpression): Expression {
  typed(scope, node, 0, CONTEXT);
  const { active } = scope.session;
  if (active.some(({ noinline }) => noinline)) scope.refuse('N5009', node, { where: 'a noinline function' });
  const index = typed(scope, node, 1, U32);
  return { kind: 'tailCall', type: VOID, map: map.name, index, span: scope.span(node) };
}

/** A method of a map, or undefined when maps of its kind have none of that name. */
export function mapMethod(
  scope: Scope,
  operand: MapOperand,
  name: string,
  node: ts.CallExpression,
): Expression | undefined {
  const { map, on } = operand;
  const { kind } = scope.session;
  // check_map_prog_compatibility, kernel/bpf/verifier.c.
  if (kind === 'socketFilter' && map.value !== undefined && countLocks(map.value) > 0)
    scope.refuse('N5011', node, { name: map.name, kind });
  if (map.kind === 'ringBuffer' && on === undefined) return ringMethod(scope, map, name, node);
  if (map.kind === 'programArray') return name === 'tailCall' ? tailCall(scope, map, node) : undefined;
  if (name === 'lookup') return lookup(scope, operand, node);
  if (map.value === undefined) return undefined;
  const base = { type: I64, map: map.name, ...(on && { on }), span: scope.span(node) };
  switch (name) {
    case 'update':
      return {
        kind: 'mapUpdate',
        ...base,
        key: key(scope, map, node),
        value: laidOut(scope, argument(scope, node, 1), map.value),
        flags: flags(scope, node, 2),
      };
    case 'delete':
      return { kind: 'mapDelete', ...base, key: key(scope, map, node) };
    default:
      return undefined;
  }
}
