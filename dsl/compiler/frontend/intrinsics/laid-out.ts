/** Values as they are to lie in memory: keys, values of maps, records of ring buffers, initial values. */
import type { ts } from 'ts-morph';
import type { Layout } from '../../../object/layout.ts';
import type { Expression, Type } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';
import { countLocks, describe, describeLayout, SPIN_LOCK, sameLayout } from '../types/types.ts';

/** The record whose fields a layout lays out; a spin lock is no value. */
export function recordOfLayout(layout: Layout): Type {
  switch (layout.kind) {
    case 'int':
      return { kind: 'int', bits: layout.bits, signed: layout.signed };
    case 'array':
      return {
        kind: 'record',
        fields: Array.from({ length: layout.length }, (_, index) => ({
          name: String(index),
          type: recordOfLayout(layout.element),
        })),
      };
    case 'struct':
      return {
        kind: 'record',
        fields: layout.fields
          .filter((field) => field.layout !== SPIN_LOCK)
          .map((field) => ({ name: field.name, type: recordOfLayout(field.layout) })),
      };
  }
}

/** A reference laid out the same, or an integer or record of the layout's fields. */
export function laidOut(scope: Scope, given: ts.Expression, layout: Layout): Expression {
  const value = scope.value(given);
  if (value.type.kind !== 'ref') return convertTo(scope.session, value, recordOfLayout(layout), given);
  if (!sameLayout(value.type.layout, layout))
    return scope.refuse('N2006', given, { expected: describeLayout(layout), found: describe(value.type) });
  // The kernel lets no helper read across a lock.
  return countLocks(layout) === 0
    ? value
    : scope.refuse('N3017', given, { where: 'memory that a helper reads' });
}
