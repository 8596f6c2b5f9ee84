/**
 * What the body of a bpf_loop uses of its surroundings: a frame on the stack while the loop runs, eight bytes a scalar or
 * pointer.
 */
import type { Operand } from '../ir/ir.ts';
import type { Type, Variable } from '../tree/tree.ts';
import type { Uses } from '../tree/walk.ts';
import { branchAsValue } from './conditions.ts';
import { isPlace, type Scope } from './scope.ts';
import {
  addressOf,
  branchWhenPresent,
  fromLeaves,
  leafWidths,
  type OptionalValue,
  type ReferenceValue,
  readPlace,
  toLeaves,
  type Value,
} from './values.ts';

export const CELL = 8;

/** A variable that the body uses, and where its scalars lie in the frame. */
interface Captured {
  readonly variable: Variable;
  /** Bytes from the frame's start. */
  readonly offset: number;
  /** Whether the body may change it. */
  readonly assigned: boolean;
}

/** The frame: the flag and value of a `return`, the context, then every captured variable. */
export interface Frame {
  readonly returned: number;
  readonly result: number;
  readonly context: number | undefined;
  readonly captured: readonly Captured[];
  readonly size: number;
}

/** A value that needs no room in the frame: known while compiling, or the address of a global. */
export function isFixed(value: Value): boolean {
  switch (value.kind) {
    case 'scalar':
      return typeof value.operand === 'bigint';
    case 'reference':
      return value.base.kind === 'section';
    case 'optional':
      return value.presentWhen === 'never';
    case 'record':
      return [...value.fields.values()].every(isFixed);
    case 'void':
      return true;
  }
}

/** The type of what a `return` in the body gives, as leaves. */
export function resultLeaves(scope: Scope): number {
  const { returnTo } = scope;
  if (returnTo.kind === 'inline') return returnTo.result.leaves.length;
  return returnTo.kind === 'round' ? returnTo.leaves : 1;
}

export function layOut(scope: Scope, uses: Uses): Frame {
  let size = 0;
  const take = (cells: number): number => {
    const at = size;
    size += cells * CELL;
    return at;
  };
  const returned = take(uses.returns ? 1 : 0);
  const result = take(uses.returns ? resultLeaves(scope) : 0);
  const context = uses.context && scope.contextPointer !== undefined ? take(1) : undefined;
  const captured = uses.variables.flatMap((variable): Captured[] => {
    const bound = scope.variables.get(variable.id);
    if (bound === undefined || (!isPlace(bound) && isFixed(bound))) return [];
    const cells = isPlace(bound) ? leafWidths(bound.type).length : cellCount(bound);
    return [{ variable, offset: take(cells), assigned: uses.assigned.has(variable.id) }];
  });
  return { returned, result, context, captured, size };
}

export function typeOf(scope: Scope, variable: Variable) {
  const bound = scope.variables.get(variable.id);
  return bound !== undefined && isPlace(bound) ? bound.type : variable.type;
}

export function storeCell(scope: Scope, frame: Operand, offset: number, value: Operand): void {
  const { builder } = scope;
  const wide = typeof value === 'bigint' || builder.widthOf(value) === 64 ? value : builder.zext(value);
  builder.emitEffect({ op: 'store', bytes: 8, region: 'stack', base: frame, offset, value: wide });
}

export function loadCell(scope: Scope, frame: Operand, offset: number, width: 32 | 64): Operand {
  const cell = scope.builder.emit({ op: 'load', bytes: 8, region: 'stack', base: frame, offset }, 64);
  return width === 64 ? cell : scope.builder.trunc(cell);
}

/** The types of the scalars and pointers that a value of `type` falls apart into. */
function leafTypes(type: Type): readonly Type[] {
  if (type.kind === 'record') return type.fields.flatMap((field) => leafTypes(field.type));
  return type.kind === 'void' ? [] : [type];
}

/**
 * An integer that rounds change is kept where the verifier doesn't track values: one that it saw grow round by round
 * it would follow through every round. It tracks what is stored at a multiple of 8 and not overwritten in part
 * (check_stack_write_fixed_off, kernel/bpf/verifier.c).
 */
const placeInCell = (bits: 8 | 16 | 32): number => bits / 8;

function storeOpaque(scope: Scope, frame: Operand, at: number, type: Type, value: Operand): void {
  const { builder } = scope;
  const bits = type.kind === 'int' ? type.bits : 8;
  const store = { op: 'store', region: 'stack', base: frame } as const;
  if (bits !== 64) {
    const bytes = bits === 32 ? 4 : bits === 16 ? 2 : 1;
    builder.emitEffect({ ...store, bytes, offset: at + placeInCell(bits), value });
    return;
  }
  builder.emitEffect({ ...store, bytes: 8, offset: at, value });
  const high = builder.trunc(builder.binary('lshr', 64, value, 32n));
  builder.emitEffect({ ...store, bytes: 4, offset: at + 4, value: high });
}

function loadOpaque(scope: Scope, frame: Operand, at: number, type: Type): Operand {
  const { builder } = scope;
  const load = { op: 'load', region: 'stack', base: frame } as const;
  if (type.kind !== 'int') {
    const byte = builder.emit({ ...load, bytes: 1, offset: at + placeInCell(8) }, 32);
    return builder.binary('and', 32, byte, 1n);
  }
  const { bits, signed } = type;
  if (bits === 64) return builder.emit({ ...load, bytes: 8, offset: at }, 64);
  const bytes = bits === 32 ? 4 : bits === 16 ? 2 : 1;
  const value = builder.emit({ ...load, bytes, offset: at + placeInCell(bits) }, 32);
  return signed && bits !== 32 ? builder.sext(bits, 32, value) : value;
}

const isNumber = (type: Type): boolean => type.kind === 'int' || type.kind === 'bool';

/** Whether its being there shows by the pointer itself, which is 0 where it is not. */
function showsByPointer({ reference: { base }, presentWhen }: OptionalValue): boolean {
  const [test, ...others] = presentWhen === 'never' ? [] : presentWhen;
  return (
    others.length === 0 &&
    base.kind === 'pointer' &&
    test?.condition === 'ne' &&
    test.left === base.operand &&
    test.right === 0n
  );
}

/** How many cells the frame has for a value that no round changes. */
function cellCount(value: Value): number {
  switch (value.kind) {
    case 'void':
      return 0;
    case 'scalar':
    case 'reference':
      return 1;
    case 'optional':
      return showsByPointer(value) ? 1 : 2;
    case 'record':
      return [...value.fields.values()].reduce((sum, field) => sum + cellCount(field), 0);
  }
}

/**
 * What lies in the frame of a reference: its pointer alone. An access has to know the bytes behind it, since the stack takes
 * none at an odd place.
 */
const pointerOf = (scope: Scope, value: ReferenceValue): Operand =>
  value.base.kind === 'pointer' ? value.base.operand : addressOf(scope, value);

/** 1 where an optional reference is there. */
const presence = (scope: Scope, value: OptionalValue): Operand =>
  branchAsValue(scope, 64, (present, absent) => branchWhenPresent(scope, value, present, absent));

/**
 * What lies in the frame of a value that no round changes. The pointer of a reference into the packet lies there whether or not
 * it is there, as outside: of a comparison with the packet's end that is made once more for the frame's sake the verifier
 * doesn't know that it ends as before (is_pkt_ptr_branch_taken, kernel/bpf/verifier.c).
 */
function cellsOf(scope: Scope, value: Value): readonly Operand[] {
  switch (value.kind) {
    case 'record':
      return [...value.fields.values()].flatMap((field) => cellsOf(scope, field));
    case 'reference':
      return [pointerOf(scope, value)];
    case 'optional':
      return showsByPointer(value)
        ? [pointerOf(scope, value.reference)]
        : [pointerOf(scope, value.reference), presence(scope, value)];
    default:
      return toLeaves(scope, value);
  }
}

/** A value as it was outside, from what `cellsOf` left in the frame at `offset`. */
export function fromCells(scope: Scope, frame: Operand, outside: Value, type: Type, offset: number): Value {
  const pointing = (reference: ReferenceValue, pointer: Operand): ReferenceValue =>
    reference.base.kind === 'pointer'
      ? { ...reference, base: { ...reference.base, operand: pointer } }
      : { ...reference, base: { kind: 'pointer', operand: pointer }, offset: 0 };
  if (outside.kind === 'record' && type.kind === 'record') {
    let at = offset;
    const fields = new Map<string, Value>();
    for (const field of type.fields) {
      const value = outside.fields.get(field.name);
      if (value === undefined) continue;
      fields.set(field.name, fromCells(scope, frame, value, field.type, at));
      at += cellCount(value) * CELL;
    }
    return { kind: 'record', fields };
  }
  switch (outside.kind) {
    case 'reference':
      return pointing(outside, loadCell(scope, frame, offset, 64));
    case 'optional': {
      const pointer = loadCell(scope, frame, offset, 64);
      const left = showsByPointer(outside) ? pointer : loadCell(scope, frame, offset + CELL, 64);
      const presentWhen = [{ condition: 'ne', width: 64, left, right: 0n }] as const;
      return { kind: 'optional', reference: pointing(outside.reference, pointer), presentWhen };
    }
    default: {
      const leaves = leafWidths(type).map((width, index) =>
        loadCell(scope, frame, offset + index * CELL, width),
      );
      return fromLeaves(scope, type, leaves);
    }
  }
}

export function storeVariable(scope: Scope, frame: Operand, { variable, offset, assigned }: Captured): void {
  const bound = scope.variables.get(variable.id);
  if (bound === undefined) return;
  const types = leafTypes(typeOf(scope, variable));
  const cells = isPlace(bound) ? toLeaves(scope, readPlace(scope, bound)) : cellsOf(scope, bound);
  cells.forEach((leaf, index) => {
    const type = types[index];
    const at = offset + index * CELL;
    if (assigned && type !== undefined && isNumber(type)) storeOpaque(scope, frame, at, type, leaf);
    else storeCell(scope, frame, at, leaf);
  });
}

export function loadVariable(
  scope: Scope,
  frame: Operand,
  type: Type,
  { offset, assigned }: Captured,
): Value {
  const leaves = leafTypes(type).map((leaf, index) => {
    const at = offset + index * CELL;
    if (assigned && isNumber(leaf)) return loadOpaque(scope, frame, at, leaf);
    return loadCell(scope, frame, at, leafWidths(leaf)[0] ?? 64);
  });
  return fromLeaves(scope, type, leaves);
}
