/** Functions inside functions: names to be called or passed on. Calls are inlined, so what they capture stays where it is. */
import { ts } from 'ts-morph';
import type { Entity, FunctionSource } from '../entities.ts';
import type { Scope } from '../scope.ts';

const nameOf = ({ parent }: ts.Node): string =>
  ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name) ? parent.name.text : 'closure';

export function closure(scope: Scope, node: ts.ArrowFunction | ts.FunctionExpression): Entity {
  if (node.asteriskToken || node.modifiers?.some((one) => one.kind === ts.SyntaxKind.AsyncKeyword))
    return scope.refuse('N1003', node);
  const source: FunctionSource = {
    id: scope.session.functionId(),
    name: nameOf(node),
    node,
    noinline: false,
    within: scope,
  };
  return { kind: 'function', source };
}
