/**
 * Abstract values: what is known of a value at one point of the program. Integers are intervals (Cousot and Cousot,
 * POPL 1977), booleans may be true or false, references know the packet epoch in which they were made.
 */
import type { Type } from '../../tree/tree.ts';
import { highest, lowest } from '../types/types.ts';

export type Abstract =
  | { readonly kind: 'int'; readonly low: bigint; readonly high: bigint }
  | { readonly kind: 'bool'; readonly mayBeTrue: boolean; readonly mayBeFalse: boolean }
  /** `epoch`: undefined for memory that helpers don't move; `STALE` once a helper may have moved it. */
  | {
      readonly kind: 'ref';
      readonly epoch: number | undefined;
      /** What its address is a multiple of, bytes. */
      readonly alignment: number;
      /** The record of a ring buffer that it is to. */
      readonly record?: string;
    }
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, Abstract> }
  | { readonly kind: 'nothing' };

export const STALE = -1;
/** Of the memory that the kernel gives out: the start of a map's value, of a record, of a section; bytes. */
export const WHOLE = 8;
/** Stands for a reference that may be to one of several records. */
export const SEVERAL = '';
export const NOTHING: Abstract = { kind: 'nothing' };

export const interval = (low: bigint, high: bigint): Abstract => ({ kind: 'int', low, high });
export const truth = (mayBeTrue: boolean, mayBeFalse: boolean): Abstract => ({
  kind: 'bool',
  mayBeTrue,
  mayBeFalse,
});
export const UNDECIDED = truth(true, true);

/** Every value of a type. A packet reference of unknown age counts as current. */
export function top(type: Type, epoch?: number): Abstract {
  switch (type.kind) {
    case 'int':
      return interval(lowest(type), highest(type));
    case 'bool':
      return UNDECIDED;
    case 'ref':
      return { kind: 'ref', epoch: type.space === 'packet' ? epoch : undefined, alignment: WHOLE };
    case 'optional':
      return top(type.of, epoch);
    case 'record':
      return {
        kind: 'record',
        fields: new Map(type.fields.map((field) => [field.name, top(field.type, epoch)])),
      };
    default:
      return NOTHING;
  }
}

export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

type Ref = Extract<Abstract, { kind: 'ref' }>;

function unionOfRefs(a: Ref, b: Ref): Ref {
  const epoch =
    a.epoch === b.epoch || b.epoch === undefined ? a.epoch : a.epoch === undefined ? b.epoch : STALE;
  const record =
    a.record === b.record || b.record === undefined ? a.record : a.record === undefined ? b.record : SEVERAL;
  const alignment = Math.min(a.alignment, b.alignment);
  return { kind: 'ref', epoch, alignment, ...(record !== undefined && { record }) };
}

/** What is known when the value may be either. */
export function union(a: Abstract, b: Abstract): Abstract {
  if (a === b) return a;
  if (a.kind === 'int' && b.kind === 'int') return interval(least(a.low, b.low), greatest(a.high, b.high));
  if (a.kind === 'bool' && b.kind === 'bool')
    return truth(a.mayBeTrue || b.mayBeTrue, a.mayBeFalse || b.mayBeFalse);
  if (a.kind === 'ref' && b.kind === 'ref') return unionOfRefs(a, b);
  if (a.kind === 'record' && b.kind === 'record')
    return {
      kind: 'record',
      fields: new Map(
        [...a.fields].map(([name, value]) => [name, union(value, b.fields.get(name) ?? value)]),
      ),
    };
  return a.kind === 'nothing' ? b : a;
}

export function same(a: Abstract, b: Abstract): boolean {
  if (a === b) return true;
  if (a.kind === 'int' && b.kind === 'int') return a.low === b.low && a.high === b.high;
  if (a.kind === 'bool' && b.kind === 'bool')
    return a.mayBeTrue === b.mayBeTrue && a.mayBeFalse === b.mayBeFalse;
  // Epochs are numbered as they come: two rounds of a loop differ in number where they agree in meaning.
  if (a.kind === 'ref' && b.kind === 'ref')
    return (
      (a.epoch === STALE) === (b.epoch === STALE) && a.record === b.record && a.alignment === b.alignment
    );
  if (a.kind === 'record' && b.kind === 'record')
    return [...a.fields].every(([name, value]) => {
      const other = b.fields.get(name);
      return other !== undefined && same(value, other);
    });
  return a.kind === b.kind;
}

/** `next`, but what still grows since `before` goes to its type's bounds at once, so that loops come to an end. */
export function widen(before: Abstract, next: Abstract, type: Type): Abstract {
  if (same(before, next)) return next;
  if (next.kind === 'record' && before.kind === 'record' && type.kind === 'record')
    return {
      kind: 'record',
      fields: new Map(
        type.fields.map((field) => {
          const now = next.fields.get(field.name) ?? NOTHING;
          return [field.name, widen(before.fields.get(field.name) ?? now, now, field.type)];
        }),
      ),
    };
  if (next.kind !== 'int' || before.kind !== 'int' || type.kind !== 'int') return next;
  return interval(
    next.low < before.low ? lowest(type) : next.low,
    next.high > before.high ? highest(type) : next.high,
  );
}

/** A reference so many bytes behind `base`, or any multiple of them. */
export const behind = (base: Abstract, bytes: number): Abstract =>
  base.kind === 'ref' && bytes !== 0
    ? { ...base, alignment: Math.min(base.alignment, bytes & -bytes) }
    : base;
