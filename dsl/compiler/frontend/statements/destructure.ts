/** Destructuring: each name becomes a variable that is declared from its part. */
import { ts } from 'ts-morph';
import type { Expression, Statement, Variable } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { settle } from '../types/coerce.ts';

/** Declares `name` as a new variable with the value; a const integer known now can be used where a constant must be. */
export function declare(scope: Scope, name: ts.Identifier, value: Expression, constant: boolean): Statement {
  const variable: Variable = scope.variable(name, value.type);
  if (constant && value.kind === 'int') scope.session.constants.set(variable, value.value);
  return { kind: 'declare', variable, value, span: scope.span(name) };
}

function fieldName(scope: Scope, element: ts.BindingElement, index: number, tuple: boolean): string {
  if (element.dotDotDotToken) return scope.refuse('N1008', element);
  if (tuple) return String(index);
  const name = element.propertyName ?? element.name;
  return ts.isIdentifier(name)
    ? name.text
    : scope.refuse('N1001', element, { syntax: 'a computed field name' });
}

/** Takes a variable (or another repeatable value) apart. */
export function destructure(
  scope: Scope,
  pattern: ts.BindingPattern,
  from: Expression,
  constant: boolean,
): Statement[] {
  const tuple = ts.isArrayBindingPattern(pattern);
  return [...pattern.elements].flatMap((element, index): Statement[] => {
    if (ts.isOmittedExpression(element)) return [];
    const part = scope.session.translators.field(
      scope,
      from,
      fieldName(scope, element, index, tuple),
      element,
    );
    const value = settle(scope.session, part, element);
    if (!ts.isIdentifier(element.name)) return destructure(scope, element.name, value, constant);
    return [declare(scope, element.name, value, constant)];
  });
}
