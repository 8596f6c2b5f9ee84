/** Where a value meets a type: literals take it, widening is inserted, everything else is refused. */
import type { ts } from 'ts-morph';
import { reordered } from '../../tree/order.ts';
import type { Expression, IntType, OptionalType, RecordType, RefType, Type } from '../../tree/tree.ts';
import { ofField } from '../refusal.ts';
import type { Session } from '../session.ts';
import type { Declared } from './declared.ts';
import { adapt, isFree } from './literals.ts';
import {
  describe,
  highest,
  integer,
  lowest,
  promoted,
  sameLayout,
  sameType,
  UNKNOWN_OPTIONAL,
  widens,
} from './types.ts';

/** References whose space their first assignment settles: `let ip: Ref<typeof IPv4> | undefined`. */
const unsettled = new WeakSet<RefType>();

/** An optional reference of which only the declared type is known. */
export function unsettledOptional(): OptionalType {
  const of: RefType = { ...UNKNOWN_OPTIONAL.of };
  unsettled.add(of);
  return { kind: 'optional', of };
}

const isRepeatable = (value: Expression): boolean =>
  value.kind === 'variable' || (value.kind === 'field' && isRepeatable(value.record));

const boundsOf = (type: IntType) => ({
  type: describe(type),
  lowest: String(lowest(type)),
  highest: String(highest(type)),
});

/** Gives a free literal the type; refused when it is out of range. */
export function adaptTo(session: Session, value: Expression, type: IntType, node: ts.Node): Expression {
  const adapted = adapt(value, type);
  if ('node' in adapted) return adapted.node;
  return session.refuse('N2004', node, { value: String(adapted.misfit.value), ...boundsOf(type) });
}

/** A value that nothing asks a type of: literals become 32 or 64 bits wide. */
export function settle(session: Session, value: Expression, node: ts.Node): Expression {
  if (value.type.kind === 'int' && isFree(value)) return adaptTo(session, value, value.type, node);
  if (value.kind === 'conditional' && value.type.kind === 'record')
    return convertTo(session, value, value.type, node);
  if (value.kind !== 'record') return value;
  const values = value.values.map((part) => settle(session, part, node));
  return { ...value, values, type: recordOf(value.type, values) };
}

const recordOf = (type: RecordType, values: readonly Expression[]): RecordType => ({
  kind: 'record',
  fields: type.fields.map((field, index) => ({ name: field.name, type: values[index]?.type ?? field.type })),
});

function toInteger(session: Session, value: Expression, type: IntType, node: ts.Node): Expression {
  if (value.type.kind !== 'int')
    return session.refuse('N2006', node, { expected: describe(type), found: describe(value.type) });
  if (isFree(value)) return adaptTo(session, value, type, node);
  if (sameType(value.type, type)) return value;
  if (widens(value.type, type)) return { kind: 'convert', type, operand: value, span: value.span };
  const details = { from: describe(value.type), to: describe(type) };
  return session.refuse(value.type.bits <= type.bits ? 'N2002' : 'N2001', node, details);
}

function toReference(session: Session, value: Expression, type: RefType, node: ts.Node): Expression {
  if (value.type.kind === 'ref' && sameType(value.type, type)) return value;
  return value.type.kind === 'ref'
    ? session.refuse('N2009', node, { left: describe(type), right: describe(value.type) })
    : session.refuse('N2006', node, { expected: describe(type), found: describe(value.type) });
}

function toOptional(session: Session, value: Expression, type: OptionalType, node: ts.Node): Expression {
  if (value.type === UNKNOWN_OPTIONAL) return { kind: 'undefined', type, span: value.span };
  const of =
    value.type.kind === 'ref' ? value.type : value.type.kind === 'optional' ? value.type.of : undefined;
  if (of === undefined)
    return session.refuse('N2006', node, { expected: describe(type), found: describe(value.type) });
  if (unsettled.has(type.of)) {
    Object.assign(type.of, of);
    unsettled.delete(type.of);
  }
  if (type.of.space !== of.space || !sameLayout(type.of.layout, of.layout))
    return session.refuse('N2009', node, { left: describe(type.of), right: describe(of) });
  if (value.type.kind === 'optional') return value.kind === 'undefined' ? { ...value, type } : value;
  return { kind: 'optional', type, operand: value, span: value.span };
}

/** Field by field; `part` says how each is converted. */
function toRecord(
  session: Session,
  value: Expression,
  fields: readonly { readonly name: string }[],
  node: ts.Node,
  part: (name: string, value: Expression) => Expression,
): Expression {
  if (value.type.kind !== 'record')
    return session.refuse('N2006', node, { expected: 'a record', found: describe(value.type) });
  if (value.kind === 'conditional') {
    const whenTrue = toRecord(session, value.whenTrue, fields, node, part);
    const whenFalse = toRecord(session, value.whenFalse, fields, node, part);
    const type = join(whenTrue.type, whenFalse.type);
    if (type === undefined) return refuseJoin(session, whenTrue.type, whenFalse.type, node);
    return {
      ...value,
      whenTrue: sameType(whenTrue.type, type) ? whenTrue : convertTo(session, whenTrue, type, node),
      whenFalse: sameType(whenFalse.type, type) ? whenFalse : convertTo(session, whenFalse, type, node),
      type,
    };
  }
  const source = value.type;
  const places = fields.map(({ name }) => source.fields.findIndex((field) => field.name === name));
  const parts = fields.map(({ name }, place): Expression => {
    const index = places[place] ?? -1;
    const field = source.fields[index];
    if (field === undefined)
      return session.refuse('N2006', node, { expected: `the field '${name}'`, found: describe(source) });
    const own = value.kind === 'record' ? value.values[index] : undefined;
    const given = own ?? { kind: 'field', type: field.type, record: value, name, span: value.span };
    return ofField(name, () => part(name, given));
  });
  const type: RecordType = {
    kind: 'record',
    fields: fields.map(({ name }, index) => ({ name, type: parts[index]?.type ?? source })),
  };
  if (value.kind !== 'record' && sameType(type, source)) return value;
  if (value.kind !== 'record' && !isRepeatable(value)) return session.refuse('N2012', node);
  const order = value.kind === 'record' ? reordered(value, places) : {};
  return { kind: 'record', type, values: parts, ...order, span: value.span };
}

/** Converts a value to a type that is known in full. */
export function convertTo(session: Session, value: Expression, type: Type, node: ts.Node): Expression {
  switch (type.kind) {
    case 'int':
      return toInteger(session, value, type, node);
    case 'ref':
      return toReference(session, value, type, node);
    case 'optional':
      return toOptional(session, value, type, node);
    case 'record': {
      const types = new Map(type.fields.map((field) => [field.name, field.type]));
      return toRecord(session, value, type.fields, node, (name, part) =>
        convertTo(session, part, types.get(name) ?? part.type, node),
      );
    }
    default:
      if (value.type.kind === type.kind) return value;
      return session.refuse('N2006', node, { expected: describe(type), found: describe(value.type) });
  }
}

/**
 * Converts a value to a declared type. What a declaration leaves open (the memory of a reference, the type of a
 * parameter declared `number`) the value decides.
 */
export function coerce(session: Session, value: Expression, declared: Declared, node: ts.Node): Expression {
  switch (declared.kind) {
    case 'inferred':
      return settle(session, value, node);
    case 'declaredRef':
      if (value.type.kind === 'ref' || value.type.kind === 'record') return settle(session, value, node);
      return session.refuse('N2006', node, { expected: 'a reference', found: describe(value.type) });
    case 'declaredOptional':
      if (value.type.kind === 'optional') return value;
      if (value.type.kind === 'ref')
        return toOptional(session, value, { kind: 'optional', of: value.type }, node);
      return session.refuse('N2010', node, { type: describe(value.type) });
    case 'declaredRecord': {
      if (value.type.kind === 'ref') return value;
      const types = new Map(declared.fields.map((field) => [field.name, field.type]));
      return toRecord(session, value, declared.fields, node, (name, part) =>
        coerce(session, part, types.get(name) ?? { kind: 'inferred' }, node),
      );
    }
    default:
      return convertTo(session, value, declared, node);
  }
}

function joinIntegers(a: IntType, b: IntType): IntType | undefined {
  if (widens(a, b)) return b;
  if (widens(b, a)) return a;
  const left = promoted(a);
  const right = promoted(b);
  const joined = integer(left.bits, left.signed || right.signed);
  return widens(a, joined) && widens(b, joined) ? joined : undefined;
}

/** The type that holds the values of both, as `?:` and several `return`s need it; undefined when there is none. */
export function join(a: Type, b: Type): Type | undefined {
  if (sameType(a, b)) return a;
  if (a === UNKNOWN_OPTIONAL)
    return b.kind === 'ref' ? { kind: 'optional', of: b } : b.kind === 'optional' ? b : undefined;
  if (b === UNKNOWN_OPTIONAL) return join(b, a);
  if (a.kind === 'int' && b.kind === 'int') return joinIntegers(a, b);
  if (a.kind === 'optional' && b.kind === 'ref') return sameType(a.of, b) ? a : undefined;
  if (a.kind === 'ref' && b.kind === 'optional') return join(b, a);
  if (a.kind !== 'record' || b.kind !== 'record' || a.fields.length !== b.fields.length) return undefined;
  const fields = a.fields.map((field) => {
    const other = b.fields.find((candidate) => candidate.name === field.name);
    const type = other && join(field.type, other.type);
    return type && { name: field.name, type };
  });
  const known = fields.filter((field) => field !== undefined);
  return known.length === fields.length ? { kind: 'record', fields: known } : undefined;
}

/** Refuses two types that no type holds: references to different memory, or different kinds of value. */
export function refuseJoin(session: Session, a: Type, b: Type, node: ts.Node): never {
  const references = [a, b].every((type) => type.kind === 'ref' || type.kind === 'optional');
  if (references) return session.refuse('N2009', node, { left: describe(a), right: describe(b) });
  return session.refuse('N2006', node, { expected: describe(a), found: describe(b) });
}
