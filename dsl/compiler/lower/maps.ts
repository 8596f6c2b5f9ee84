/** Map operations: helpers 1 to 3 on a key, and a value, in memory. */

import type { MapImage } from '../../object/image.ts';
import type { IntLayout, Layout } from '../../object/layout.ts';
import type { Operand } from '../ir/ir.ts';
import type { Expression } from '../tree/tree.ts';
import { lowerExpression, lowerReference, lowerScalar } from './expressions.ts';
import { spilled } from './memory.ts';
import { LoweringError, mapNamed, type Scope } from './scope.ts';
import { addressOf, optionalPointer, scalar, type Value } from './values.ts';

/** enum bpf_func_id. */
const LOOKUP = 1;
const UPDATE = 2;
const DELETE = 3;

const INDEX: IntLayout = { kind: 'int', bits: 32, signed: false, order: 'little' };

export function callKernel(scope: Scope, id: number, name: string, operands: readonly Operand[]): Operand {
  return scope.builder.emit(
    { op: 'helper', id, name, arguments: operands, invalidatesPacket: false, pure: false },
    64,
  );
}

/**
 * The error of a change to a map. Before Linux 6.4 the verifier's direct calls of map operations leave an int in r0
 * with nothing of its sign above 32 bits ("bpf: return long from bpf_map_ops funcs").
 */
function changeMap(scope: Scope, id: number, name: string, operands: readonly Operand[]): Value {
  const value = callKernel(scope, id, name, operands);
  return scalar(scope.builder.sext(32, 64, value));
}

function keyLayout(map: MapImage): Layout {
  return map.key ?? INDEX;
}

export function mapAddress(scope: Scope, map: MapImage): Operand {
  return scope.builder.emit({ op: 'mapAddress', map: map.name }, 64);
}

/** The map itself, or the inner map that the operation is on. */
function addressOfMap(scope: Scope, { on }: { readonly on?: Expression }, map: MapImage): Operand {
  return on === undefined ? mapAddress(scope, map) : addressOf(scope, lowerReference(scope, on));
}

export function lowerMapLookup(scope: Scope, expression: Expression & { kind: 'mapLookup' }): Value {
  const map = mapNamed(scope, expression.map, expression.span);
  const key = lowerExpression(scope, expression.key);
  const address = addressOfMap(scope, expression, map);
  const pointer = spilled(scope, 'key', keyLayout(map), key, expression.span);
  return optionalPointer(
    scope,
    callKernel(scope, LOOKUP, 'bpf_map_lookup_elem', [address, pointer]),
    expression.type.of,
  );
}

export function lowerMapUpdate(scope: Scope, expression: Expression & { kind: 'mapUpdate' }): Value {
  const map = mapNamed(scope, expression.map, expression.span);
  if (map.value === undefined) {
    throw new LoweringError(expression.span, `values of the map ${map.name} have no layout`);
  }
  const key = lowerExpression(scope, expression.key);
  const value = lowerExpression(scope, expression.value);
  const flags = lowerScalar(scope, expression.flags);
  const address = addressOfMap(scope, expression, map);
  const keyPointer = spilled(scope, 'key', keyLayout(map), key, expression.span);
  const valuePointer = spilled(scope, 'value', map.value, value, expression.span);
  return changeMap(scope, UPDATE, 'bpf_map_update_elem', [address, keyPointer, valuePointer, flags]);
}

export function lowerMapDelete(scope: Scope, expression: Expression & { kind: 'mapDelete' }): Value {
  const map = mapNamed(scope, expression.map, expression.span);
  const key = lowerExpression(scope, expression.key);
  const address = addressOfMap(scope, expression, map);
  const pointer = spilled(scope, 'key', keyLayout(map), key, expression.span);
  return changeMap(scope, DELETE, 'bpf_map_delete_elem', [address, pointer]);
}
