/** Numbers that must be known while compiling: lengths, counts, members of enums. */
import { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import type { Session } from '../session.ts';
import { coerce } from '../types/coerce.ts';
import { declaredType } from '../types/declared.ts';
import { literal } from '../types/literals.ts';

/** A constant from 1 to `most`. */
export function constantNumber(scope: Scope, node: ts.Expression, what: string, most: number): number {
  const found = scope.value(node);
  if (found.kind !== 'int') return scope.refuse('N2011', node, { what });
  const { value } = found;
  if (value > 0n && value <= BigInt(most)) return Number(value);
  return scope.refuse('N2013', node, { what, value: String(value), most: String(most) });
}

const isConstant = (value: Expression): boolean =>
  value.kind === 'int' ||
  value.kind === 'bool' ||
  (value.kind === 'record' && value.values.every(isConstant));

/** A module-level constant made of literals. */
export function constant(scope: Scope, node: ts.VariableDeclaration, initializer: ts.Expression): Entity {
  const entity = scope.entity(initializer);
  if (entity.kind !== 'value') return entity;
  const reference = entity.value.type.kind === 'ref' && entity.value.kind !== 'stack';
  if (!isConstant(entity.value) && !reference)
    return scope.refuse('N2011', initializer, { what: `'${node.name.getText()}'` });
  // Without an annotation a literal keeps its freedom to take the width of what it meets.
  if (node.type === undefined) return entity;
  return {
    kind: 'value',
    value: coerce(scope.session, entity.value, declaredType(scope.session, node.type), initializer),
  };
}

/** A member of a const enum. */
export function enumMember(session: Session, node: ts.EnumMember): Entity {
  const value = session.checker.getConstantValue(node);
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    return session.refuse('N2011', node, { what: 'a member of an enum' });
  return { kind: 'value', value: literal(BigInt(value), false, session.span(node)) };
}

/** A literal of the type of the verdicts that it is one of, where nothing asks for another. */
function verdict(session: Session, value: bigint, node: ts.VariableDeclaration): Expression {
  const parts = node.type && ts.isIntersectionTypeNode(node.type) ? node.type.types : [];
  const type = parts.map((part) => declaredType(session, part)).find((each) => each.kind === 'int');
  return literal(value, false, session.span(node), 'exact', type);
}

/** A constant of dsl/lang that is declared by its literal type, with or without a brand: `const TC_ACT_OK: 0 & TcVerdict`. */
export function declaredLiteral(session: Session, node: ts.VariableDeclaration): Entity | undefined {
  const whole = session.checker.getTypeAtLocation(node.name);
  const type = whole.isIntersection() ? (whole.types.find((part) => part.isLiteral()) ?? whole) : whole;
  if (type.isNumberLiteral()) return { kind: 'value', value: verdict(session, BigInt(type.value), node) };
  if (!(type.flags & ts.TypeFlags.BigIntLiteral)) return undefined;
  const { value } = type as ts.LiteralType;
  if (typeof value !== 'object') return undefined;
  const magnitude = BigInt(value.base10Value);
  return { kind: 'value', value: literal(value.negative ? -magnitude : magnitude, true, session.span(node)) };
}
