/** Types of the tree: the common ones, equality, names for messages, and ranges of integers. */
import { type Layout, layoutStruct, type StructLayout } from '../../../object/layout.ts';
import type { IntType, OptionalType, RecordType, RefType, Type } from '../../tree/tree.ts';

const int = (bits: IntType['bits'], signed: boolean): IntType => ({ kind: 'int', bits, signed });

/** The integer types by their names in the language. */
export const INTEGERS: Readonly<Record<string, IntType>> = {
  u8: int(8, false),
  u16: int(16, false),
  u32: int(32, false),
  u64: int(64, false),
  i8: int(8, true),
  i16: int(16, true),
  i32: int(32, true),
  i64: int(64, true),
};

export const U32 = int(32, false);
export const I32 = int(32, true);
export const U64 = int(64, false);
export const I64 = int(64, true);
export type PlainType = Extract<Type, { kind: 'bool' | 'void' | 'context' }>;
export const BOOL: PlainType = { kind: 'bool' };
export const VOID: PlainType = { kind: 'void' };
export const CONTEXT: PlainType = { kind: 'context' };

/** The type of an `undefined` of which nothing more is known yet. */
export const UNKNOWN_OPTIONAL: OptionalType = {
  kind: 'optional',
  of: {
    kind: 'ref',
    space: 'stack',
    layout: { kind: 'struct', name: 'unknown', size: 0, alignment: 1, fields: [] },
  },
};

export const integer = (bits: IntType['bits'], signed: boolean): IntType => int(bits, signed);

/** What arithmetic makes of an operand: at least 32 bits. */
export const promoted = (type: IntType): IntType => (type.bits >= 32 ? type : type.signed ? I32 : U32);

export const lowest = (type: IntType): bigint => (type.signed ? -(1n << BigInt(type.bits - 1)) : 0n);
export const highest = (type: IntType): bigint =>
  (1n << BigInt(type.signed ? type.bits - 1 : type.bits)) - 1n;
export const fits = (value: bigint, type: IntType): boolean =>
  value >= lowest(type) && value <= highest(type);
export const wrap = (value: bigint, type: IntType): bigint =>
  type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value);

/** Whether every value of `from` is one of `to`. */
export const widens = (from: IntType, to: IntType): boolean =>
  fits(lowest(from), to) && fits(highest(from), to);

/** What `spinLock` stands for: the struct by whose name the kernel finds it in a map's value (btf_find_field, kernel/bpf/btf.c). */
export const SPIN_LOCK: StructLayout = layoutStruct('bpf_spin_lock', [
  { name: 'val', layout: { kind: 'int', bits: 32, signed: false, order: 'little' } },
]);

/** How many spin locks lie in memory of this layout. */
export function countLocks(layout: Layout): number {
  switch (layout.kind) {
    case 'int':
      return 0;
    case 'array':
      return layout.length * countLocks(layout.element);
    case 'struct':
      return layout === SPIN_LOCK
        ? 1
        : layout.fields.reduce((sum, field) => sum + countLocks(field.layout), 0);
  }
}

export function sameLayout(a: Layout, b: Layout): boolean {
  if (a === b) return true;
  if (a.kind === 'int' && b.kind === 'int')
    return a.bits === b.bits && a.signed === b.signed && a.order === b.order;
  if (a.kind === 'array' && b.kind === 'array')
    return a.length === b.length && sameLayout(a.element, b.element);
  if (a.kind !== 'struct' || b.kind !== 'struct') return false;
  return (
    a.name === b.name &&
    a.size === b.size &&
    a.fields.length === b.fields.length &&
    a.fields.every((field, index) => {
      const other = b.fields[index];
      return other !== undefined && field.name === other.name && sameLayout(field.layout, other.layout);
    })
  );
}

const sameRef = (a: RefType, b: RefType): boolean => a.space === b.space && sameLayout(a.layout, b.layout);

const sameRecord = (a: RecordType, b: RecordType): boolean =>
  a.fields.length === b.fields.length &&
  a.fields.every((field, index) => {
    const other = b.fields[index];
    return other !== undefined && field.name === other.name && sameType(field.type, other.type);
  });

export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true;
  if (a.kind === 'int' && b.kind === 'int') return a.bits === b.bits && a.signed === b.signed;
  if (a.kind === 'ref' && b.kind === 'ref') return sameRef(a, b);
  if (a.kind === 'optional' && b.kind === 'optional') return sameRef(a.of, b.of);
  if (a.kind === 'record' && b.kind === 'record') return sameRecord(a, b);
  return a.kind === b.kind && (a.kind === 'bool' || a.kind === 'void' || a.kind === 'context');
}

export function describeLayout(layout: Layout): string {
  switch (layout.kind) {
    case 'int':
      return `${layout.order === 'big' ? 'be' : layout.signed ? 'i' : 'u'}${layout.bits}`;
    case 'array':
      return `${describeLayout(layout.element)}[${layout.length}]`;
    case 'struct':
      return layout.name;
  }
}

/** A type as a message or the tree printer shows it. */
export function describe(type: Type): string {
  switch (type.kind) {
    case 'int':
      return `${type.signed ? 'i' : 'u'}${type.bits}`;
    case 'ref':
      return `${type.space} ${describeLayout(type.layout)}`;
    case 'optional':
      return type === UNKNOWN_OPTIONAL ? 'undefined' : `${describe(type.of)}?`;
    case 'record':
      return `{ ${type.fields.map((field) => `${field.name}: ${describe(field.type)}`).join(', ')} }`;
    default:
      return type.kind === 'bool' ? 'boolean' : type.kind;
  }
}
