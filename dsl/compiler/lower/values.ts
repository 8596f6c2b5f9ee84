/**
 * What an expression lowers to. Records fall apart into their leaves, a reference is a base and a constant offset,
 * and an optional reference carries the comparisons that say whether it is there, so that testing it branches on
 * exactly what the kernel's verifier wants to see.
 */

import type { SectionImage } from '../../object/image.ts';
import type { Layout } from '../../object/layout.ts';
import type { Operand, Region, Width } from '../ir/ir.ts';
import type { RefType, Type } from '../tree/tree.ts';
import type { BranchTest, SsaVariable } from './builder.ts';
import { regionOf, type Scope } from './scope.ts';

/** Where offsets count from: a pointer, or the start of a data section whose address isn't needed yet. */
export type ReferenceBase =
  | {
      readonly kind: 'pointer';
      readonly operand: Operand;
      /** What the pointer is a multiple of, as far as is known, bytes; absent where it is one of every access's size. */
      readonly alignment?: number;
    }
  | { readonly kind: 'section'; readonly section: SectionImage['name'] };

export interface ReferenceValue {
  readonly kind: 'reference';
  readonly base: ReferenceBase;
  /** Bytes. */
  readonly offset: number;
  readonly region: Region;
  readonly layout: Layout;
}

export interface OptionalValue {
  readonly kind: 'optional';
  readonly reference: ReferenceValue;
  /** It is there when all of these hold; `never` for `undefined`. */
  readonly presentWhen: readonly BranchTest[] | 'never';
}

export interface ScalarValue {
  readonly kind: 'scalar';
  readonly operand: Operand;
}

export interface RecordValue {
  readonly kind: 'record';
  readonly fields: ReadonlyMap<string, Value>;
}

export type Value = ScalarValue | ReferenceValue | OptionalValue | RecordValue | { readonly kind: 'void' };

export const VOID: Value = { kind: 'void' };
export const scalar = (operand: Operand): ScalarValue => ({ kind: 'scalar', operand });

/** A pointer that is 0 for `undefined`. */
export function optionalPointer(scope: Scope, operand: Operand, type: RefType): OptionalValue {
  return {
    kind: 'optional',
    reference: referenceTo(scope, operand, type),
    presentWhen: [{ condition: 'ne', width: 64, left: operand, right: 0n }],
  };
}

export function referenceTo(scope: Scope, operand: Operand, { layout, space }: RefType): ReferenceValue {
  const base = { kind: 'pointer', operand } as const;
  return {
    kind: 'reference',
    base: space === 'stack' ? { ...base, alignment: scope.stackAlignment(layout) } : base,
    offset: 0,
    region: regionOf(space),
    layout,
  };
}

/** Widths of the scalars that a value of `type` falls apart into. */
export function leafWidths(type: Type): readonly Width[] {
  switch (type.kind) {
    case 'int':
      return [type.bits === 64 ? 64 : 32];
    case 'bool':
      return [32];
    case 'void':
      return [];
    case 'context':
    case 'ref':
    case 'optional':
      return [64];
    case 'record':
      return type.fields.flatMap((field) => leafWidths(field.type));
  }
}

/** The scalars of `value`; emits what it takes to make pointers of references. */
export function toLeaves(scope: Scope, value: Value): readonly Operand[] {
  switch (value.kind) {
    case 'void':
      return [];
    case 'scalar':
      return [value.operand];
    case 'reference':
      return [addressOf(scope, value)];
    case 'optional':
      return [optionalAddress(scope, value)];
    case 'record':
      return [...value.fields.values()].flatMap((field) => toLeaves(scope, field));
  }
}

/** The value of `type` that has these scalars. */
export function fromLeaves(scope: Scope, type: Type, leaves: readonly Operand[]): Value {
  const [first = 0n] = leaves;
  switch (type.kind) {
    case 'void':
      return VOID;
    case 'int':
    case 'bool':
    case 'context':
      return scalar(first);
    case 'ref':
      return referenceTo(scope, first, type);
    case 'optional':
      return optionalPointer(scope, first, type.of);
    case 'record': {
      let at = 0;
      const fields = new Map<string, Value>();
      for (const field of type.fields) {
        const count = leafWidths(field.type).length;
        fields.set(field.name, fromLeaves(scope, field.type, leaves.slice(at, at + count)));
        at += count;
      }
      return { kind: 'record', fields };
    }
  }
}

/** Largest offset of a load or store; the instruction holds 16 signed bits. */
const MAX_OFFSET = 32_767;

/**
 * A pointer and an offset that an access may use. Offsets into a data section stay in the access, so that one
 * address serves the whole section, unless they are too large.
 */
export function accessOf(
  scope: Scope,
  reference: ReferenceValue,
): { readonly base: Operand; readonly offset: number } {
  const { builder } = scope;
  const { base, offset } = reference;
  const fits = offset <= MAX_OFFSET;
  if (base.kind === 'section') {
    const { section } = base;
    const pointer = builder.emit({ op: 'sectionAddress', section, offset: fits ? 0 : offset }, 64);
    return { base: pointer, offset: fits ? offset : 0 };
  }
  return fits
    ? { base: base.operand, offset }
    : { base: builder.binary('add', 64, base.operand, BigInt(offset)), offset: 0 };
}

/** The address as one pointer. */
export function addressOf(scope: Scope, reference: ReferenceValue): Operand {
  const { base, offset } = accessOf(scope, reference);
  return scope.builder.binary('add', 64, base, BigInt(offset));
}

function optionalAddress(scope: Scope, value: OptionalValue): Operand {
  const { builder } = scope;
  const { reference, presentWhen } = value;
  if (presentWhen === 'never') {
    return 0n;
  }
  const [first, ...others] = presentWhen;
  const { base } = reference;
  const isPointer =
    others.length === 0 &&
    first?.condition === 'ne' &&
    first.right === 0n &&
    base.kind === 'pointer' &&
    base.operand === first.left &&
    reference.offset === 0;
  if (first === undefined || isPointer) {
    return addressOf(scope, reference);
  }
  const pointer = builder.newVariable(64);
  const [present, absent, join] = [builder.newBlock(), builder.newBlock(), builder.newBlock()];
  branchWhenPresent(scope, value, present, absent);
  builder.seal(present);
  builder.seal(absent);
  builder.switchTo(present);
  builder.write(pointer, addressOf(scope, reference));
  builder.jump(join);
  builder.switchTo(absent);
  builder.write(pointer, 0n);
  builder.jump(join);
  builder.seal(join);
  builder.switchTo(join);
  return builder.read(pointer);
}

/** Branches on whether an optional reference is there. */
export function branchWhenPresent(
  scope: Scope,
  { presentWhen }: OptionalValue,
  present: ReturnType<Scope['builder']['newBlock']>,
  absent: ReturnType<Scope['builder']['newBlock']>,
  likely?: boolean,
): void {
  const { builder } = scope;
  if (presentWhen === 'never') {
    builder.jump(absent);
    return;
  }
  for (const [index, test] of presentWhen.entries()) {
    const last = index === presentWhen.length - 1;
    const next = last ? present : builder.newBlock();
    builder.branch(test, next, absent, likely);
    if (!last) {
      builder.seal(next);
      builder.switchTo(next);
    }
  }
  if (presentWhen.length === 0) {
    builder.jump(present);
  }
}

/** A value that control flow merges: one SSA variable a leaf. */
export interface Place {
  readonly type: Type;
  readonly leaves: readonly SsaVariable[];
}

export function newPlace(scope: Scope, type: Type): Place {
  return { type, leaves: leafWidths(type).map((width) => scope.builder.newVariable(width)) };
}

export function writePlace(scope: Scope, place: Place, value: Value): void {
  const leaves = toLeaves(scope, value);
  for (const [index, variable] of place.leaves.entries()) {
    const leaf = leaves[index];
    if (leaf !== undefined) {
      scope.builder.write(variable, leaf);
    }
  }
}

export function readPlace(scope: Scope, place: Place): Value {
  return fromLeaves(
    scope,
    place.type,
    place.leaves.map((variable) => scope.builder.read(variable)),
  );
}
