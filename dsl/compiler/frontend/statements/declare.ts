/** `let` and `const`. */
import { ts } from 'ts-morph';
import type { Expression, Statement, Type } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { coerce, unsettledOptional } from '../types/coerce.ts';
import { type Declared, declaredType } from '../types/declared.ts';
import { typedLiteral } from '../types/literals.ts';
import { BOOL, UNKNOWN_OPTIONAL } from '../types/types.ts';
import { declare, destructure } from './destructure.ts';

/** An `undefined` of which nothing is known gets a type that the first assignment settles. */
export function settleOptionals(value: Expression): Expression {
  if (value.type === UNKNOWN_OPTIONAL)
    return { kind: 'undefined', type: unsettledOptional(), span: value.span };
  if (value.kind !== 'record') return value;
  const values = value.values.map(settleOptionals);
  const fields = value.type.fields.map((field, index) => ({
    name: field.name,
    type: values[index]?.type ?? field.type,
  }));
  return { ...value, values, type: { kind: 'record', fields } };
}

/** What a `let` without a value holds until it is assigned, which TypeScript has checked to come first. */
function blank(scope: Scope, declared: Declared, node: ts.VariableDeclaration): Expression {
  const span = scope.span(node);
  switch (declared.kind) {
    case 'int':
      return typedLiteral(0n, declared, span);
    case 'bool':
      return { kind: 'bool', type: BOOL, value: false, span };
    case 'declaredOptional':
      return { kind: 'undefined', type: UNKNOWN_OPTIONAL, span };
    case 'declaredRecord': {
      const values = declared.fields.map((field) => blank(scope, field.type, node));
      const fields = declared.fields.map((field, index) => ({
        name: field.name,
        type: values[index]?.type ?? (BOOL as Type),
      }));
      return { kind: 'record', type: { kind: 'record', fields }, values, span };
    }
    default:
      return scope.refuse('N1001', node, { syntax: 'a variable without a first value' });
  }
}

function declaration(scope: Scope, node: ts.VariableDeclaration, constant: boolean): Statement[] {
  const declared = declaredType(scope.session, node.type);
  const { initializer, name } = node;
  if (initializer === undefined) {
    if (!ts.isIdentifier(name)) return [];
    return [declare(scope, name, settleOptionals(blank(scope, declared, node)), false)];
  }
  const entity = scope.entity(initializer);
  if (entity.kind !== 'value' && constant && ts.isIdentifier(name)) {
    scope.bind(name, entity);
    return [];
  }
  const given = coerce(scope.session, scope.asValue(entity, initializer), declared, initializer);
  const value = constant ? given : settleOptionals(given);
  if (value.type.kind === 'void')
    return scope.refuse('N2006', initializer, { expected: 'a value', found: 'void' });
  if (value.type.kind === 'context') {
    if (!constant) return scope.refuse('N1019', initializer, { what: 'the context' });
    if (!ts.isIdentifier(name)) return destructure(scope, name, value, constant);
    scope.bind(name, { kind: 'value', value });
    return [];
  }
  if (ts.isIdentifier(name)) return [declare(scope, name, value, constant)];
  if (value.kind === 'variable') return destructure(scope, name, value, constant);
  const whole = scope.session.unnamed('parts', value.type);
  const first: Statement = { kind: 'declare', variable: whole, value, span: scope.span(initializer) };
  return [first, ...destructure(scope, name, scope.use(whole, initializer), constant)];
}

export function declarations(scope: Scope, list: ts.VariableDeclarationList): Statement[] {
  if (!(list.flags & ts.NodeFlags.BlockScoped)) scope.refuse('N1017', list);
  const constant = (list.flags & ts.NodeFlags.Const) !== 0;
  return list.declarations.flatMap((node) => declaration(scope, node, constant));
}
