/** Literals: integers, booleans, object and array literals. */
import { ts } from 'ts-morph';
import type { Expression, RecordType } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { literal } from '../types/literals.ts';
import { BOOL, describe, SPIN_LOCK } from '../types/types.ts';
import { isPure } from './purity.ts';

type Part = readonly [string, Expression];

const value = (expression: Expression): Entity => ({ kind: 'value', value: expression });

export function number(scope: Scope, node: ts.NumericLiteral): Entity {
  const read = Number(node.text);
  if (!Number.isSafeInteger(read)) return scope.refuse('N1011', node, { text: node.getText() });
  return value(literal(BigInt(read), false, scope.span(node)));
}

export const bigint = (scope: Scope, node: ts.BigIntLiteral): Entity =>
  value(literal(BigInt(node.text.slice(0, -1)), true, scope.span(node)));

export const boolean = (scope: Scope, node: ts.Node): Entity =>
  value({
    kind: 'bool',
    type: BOOL,
    value: node.kind === ts.SyntaxKind.TrueKeyword,
    span: scope.span(node),
  });

function recordOf(scope: Scope, node: ts.Node, parts: readonly Part[]): Entity {
  const type: RecordType = {
    kind: 'record',
    fields: parts.map(([name, part]) => ({ name, type: part.type })),
  };
  return value({ kind: 'record', type, values: parts.map(([, part]) => part), span: scope.span(node) });
}

/** The names of what a record or a struct in memory has; a spin lock is no value. */
function fieldsOf({ type }: Expression): readonly string[] | undefined {
  if (type.kind === 'record') return type.fields.map(({ name }) => name);
  if (type.kind !== 'ref' || type.layout.kind !== 'struct') return undefined;
  return type.layout.fields.filter(({ layout }) => layout !== SPIN_LOCK).map(({ name }) => name);
}

/** `...value`: all that it has. */
function spread(scope: Scope, { expression }: ts.SpreadAssignment): readonly Part[] {
  const given = scope.value(expression);
  const names = fieldsOf(given);
  if (names === undefined)
    return scope.refuse('N2006', expression, {
      expected: 'a record or a struct',
      found: describe(given.type),
    });
  if (!isPure(given)) return scope.refuse('N2012', expression);
  return names.map((name) => [name, scope.session.translators.field(scope, given, name, expression)]);
}

function property(scope: Scope, node: ts.ObjectLiteralElementLike): readonly Part[] {
  if (ts.isSpreadAssignment(node)) return spread(scope, node);
  if (ts.isShorthandPropertyAssignment(node)) return [[node.name.text, scope.value(node.name)]];
  if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name))
    return [[node.name.text, scope.value(node.initializer)]];
  if (ts.isMethodDeclaration(node) || ts.isAccessor(node)) return scope.refuse('N1014', node);
  return scope.refuse('N1001', node, { syntax: 'a computed field name' });
}

/** What is named again takes the place of what was there before, which TypeScript lets no code but a spread do. */
export function object(scope: Scope, node: ts.ObjectLiteralExpression): Entity {
  const parts = new Map<string, Expression>();
  for (const part of node.properties)
    for (const [name, given] of property(scope, part)) {
      parts.delete(name);
      parts.set(name, given);
    }
  return recordOf(scope, node, [...parts]);
}

export const array = (scope: Scope, node: ts.ArrayLiteralExpression): Entity =>
  recordOf(
    scope,
    node,
    node.elements.map((part, index) => [String(index), scope.value(part)]),
  );
