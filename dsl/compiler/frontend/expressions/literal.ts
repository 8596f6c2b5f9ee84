/** Literals: integers, booleans, object and array literals. */
import { ts } from 'ts-morph';
import type { Expression, RecordType } from '../../tree/tree.ts';
import type { Entity } from '../entities.ts';
import type { Scope } from '../scope.ts';
import { literal } from '../types/literals.ts';
import { BOOL } from '../types/types.ts';

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

function recordOf(scope: Scope, node: ts.Node, parts: readonly (readonly [string, Expression])[]): Entity {
  const type: RecordType = {
    kind: 'record',
    fields: parts.map(([name, part]) => ({ name, type: part.type })),
  };
  return value({ kind: 'record', type, values: parts.map(([, part]) => part), span: scope.span(node) });
}

function property(scope: Scope, node: ts.ObjectLiteralElementLike): readonly [string, Expression] {
  if (ts.isShorthandPropertyAssignment(node)) return [node.name.text, scope.value(node.name)];
  if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name))
    return [node.name.text, scope.value(node.initializer)];
  if (ts.isMethodDeclaration(node) || ts.isAccessor(node)) return scope.refuse('N1014', node);
  return scope.refuse('N1001', node, { syntax: 'a computed field name' });
}

export const object = (scope: Scope, node: ts.ObjectLiteralExpression): Entity =>
  recordOf(
    scope,
    node,
    node.properties.map((part) => property(scope, part)),
  );

export const array = (scope: Scope, node: ts.ArrayLiteralExpression): Entity =>
  recordOf(
    scope,
    node,
    node.elements.map((part, index) => [String(index), scope.value(part)]),
  );
