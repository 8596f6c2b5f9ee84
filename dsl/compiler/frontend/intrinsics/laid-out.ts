/** Values as they are to lie in memory: keys, values of maps, records of ring buffers, initial values. */
import type { ts } from 'ts-morph';
import { type Layout, membersOf, sizeOf } from '../../../object/layout.ts';
import type { Expression, Type } from '../../tree/tree.ts';
import { bound } from '../expressions/bound.ts';
import { read } from '../expressions/property.ts';
import { ofField } from '../refusal.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';
import { countLocks, describe, describeLayout, SPIN_LOCK, sameLayout } from '../types/types.ts';

/** MAX_BPF_STACK, include/linux/filter.h. */
const STACK_BYTES = 512;

/** The parts that have values; a spin lock is no value. */
const valuesOf = (layout: Exclude<Layout, { kind: 'int' }>) =>
  membersOf(layout).filter((member) => member.layout !== SPIN_LOCK);

/** The record whose fields a layout lays out. */
export function recordOfLayout(layout: Layout): Type {
  if (layout.kind === 'int') return { kind: 'int', bits: layout.bits, signed: layout.signed };
  const fields = valuesOf(layout).map((member) => ({
    name: member.name,
    type: recordOfLayout(member.layout),
  }));
  return { kind: 'record', fields };
}

function recordOf(parts: readonly (readonly [string, Expression])[], { span }: Expression): Expression {
  const fields = parts.map(([name, part]) => ({ name, type: part.type }));
  return { kind: 'record', type: { kind: 'record', fields }, values: parts.map(([, part]) => part), span };
}

/** All that lies where a reference refers to, as values. */
function contents(place: Expression): Expression {
  if (place.type.kind !== 'ref' || place.type.layout.kind === 'int') return place;
  const { layout, space } = place.type;
  const { span } = place;
  const parts = valuesOf(layout).map(({ name, offset, layout: part }) => {
    const type = { kind: 'ref', layout: part, space } as const;
    return [name, contents(read({ kind: 'member', type, base: place, offset, span }))] as const;
  });
  return recordOf(parts, place);
}

const hasReference = (type: Type): boolean =>
  type.kind === 'ref' || (type.kind === 'record' && type.fields.some((field) => hasReference(field.type)));

function copied(scope: Scope, value: Expression, from: Layout, to: Layout, node: ts.Node): Expression {
  if (!sameLayout(from, to))
    return scope.refuse('N2006', node, { expected: describeLayout(to), found: describe(value.type) });
  // It will lie on the stack. The passes would take long over so many loads, only to have them refused there.
  if (sizeOf(to) > STACK_BYTES)
    return scope.refuse('N5005', node, {
      problem: `a copy of ${sizeOf(to)} bytes, and the kernel allows ${STACK_BYTES} of stack`,
    });
  return bound(scope, value, node, contents);
}

/** A record in which what lies where its references refer to stands in their place, where the layout has room for it. */
function filled(scope: Scope, value: Expression, layout: Layout, node: ts.Node): Expression {
  const { type } = value;
  if (layout.kind === 'int' || !hasReference(type)) return value;
  if (type.kind === 'ref') return copied(scope, value, type.layout, layout, node);
  if (type.kind !== 'record') return value;
  if (value.kind !== 'record')
    return bound(scope, value, node, (named) => {
      const parts = type.fields.map(({ name, type: of }): readonly [string, Expression] => [
        name,
        { kind: 'field', type: of, record: named, name, span: value.span },
      ]);
      const whole = filled(scope, recordOf(parts, value), layout, node);
      return convertTo(scope.session, whole, recordOfLayout(layout), node);
    });
  const members = new Map(membersOf(layout).map((member) => [member.name, member.layout]));
  const parts = type.fields.map(({ name }, index): readonly [string, Expression] => {
    const [part, room] = [value.values[index] ?? value, members.get(name)];
    return [name, room ? ofField(name, () => filled(scope, part, room, node)) : part];
  });
  return { ...recordOf(parts, value), ...(value.order && { order: value.order }) };
}

/** A reference laid out the same, or an integer or record of the layout's fields. */
export function laidOut(scope: Scope, given: ts.Expression, layout: Layout): Expression {
  const value = scope.value(given);
  if (value.type.kind !== 'ref')
    return convertTo(scope.session, filled(scope, value, layout, given), recordOfLayout(layout), given);
  if (!sameLayout(value.type.layout, layout))
    return scope.refuse('N2006', given, { expected: describeLayout(layout), found: describe(value.type) });
  // The kernel lets no helper read across a lock.
  return countLocks(layout) === 0
    ? value
    : scope.refuse('N3017', given, { where: 'memory that a helper reads' });
}
