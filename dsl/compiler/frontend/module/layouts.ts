/** `struct`, `packed`, `array` and the integer names as memory layouts. */
import { ts } from 'ts-morph';
import { type Layout, layoutStruct, sizeOf } from '../../../object/layout.ts';
import type { Scope } from '../scope.ts';
import { INTEGERS } from '../types/types.ts';
import { constantNumber } from './constants.ts';
import { checkName, LONGEST_NAME } from './names.ts';

/** INT_MAX: of a value of a map, and all globals are one (array_map_alloc_check, kernel/bpf/arraymap.c); bytes. */
export const LARGEST = 2 ** 31 - 1;

const BIG: Readonly<Record<string, 16 | 32 | 64>> = { be16: 16, be32: 32, be64: 64 };

/** The layout that dsl/lang's `u8`, `be32` and the like stand for. */
export function integerLayout(name: string): Layout | undefined {
  const type = INTEGERS[name];
  if (type !== undefined) return { ...type, order: 'little' };
  const bits = BIG[name];
  return bits && { kind: 'int', bits, signed: false, order: 'big' };
}

function members(scope: Scope, call: ts.CallExpression, owner: string) {
  const [node] = call.arguments;
  if (node === undefined || !ts.isObjectLiteralExpression(node))
    return scope.refuse('N3006', node ?? call, { name: owner });
  return node.properties.map((property) => {
    if (
      ts.isPropertyAssignment(property) &&
      (ts.isIdentifier(property.name) || ts.isStringLiteral(property.name))
    ) {
      const name = property.name.text;
      checkName(scope.session, property.name, LONGEST_NAME.symbol);
      return { name, layout: layoutOf(scope, property.initializer, `${owner}_${name}`) };
    }
    if (ts.isShorthandPropertyAssignment(property)) {
      checkName(scope.session, property.name, LONGEST_NAME.symbol);
      return { name: property.name.text, layout: layoutOf(scope, property.name, property.name.text) };
    }
    return scope.refuse('N3006', property, { name: property.getText() });
  });
}

/** A call of `struct`, `packed` or `array`; undefined for any other call. */
export function layoutCall(scope: Scope, node: ts.CallExpression, name: string): Layout | undefined {
  const layout = calledLayout(scope, node, name);
  if (layout !== undefined && sizeOf(layout) > LARGEST)
    scope.refuse('N3022', node, { what: `'${name}'`, bytes: String(sizeOf(layout)) });
  return layout;
}

function calledLayout(scope: Scope, node: ts.CallExpression, name: string): Layout | undefined {
  const callee = scope.entity(node.expression);
  if (callee.kind !== 'intrinsic') return undefined;
  const [first, second] = node.arguments;
  switch (callee.name) {
    case 'struct':
    case 'packed':
      return layoutStruct(name, members(scope, node, name), callee.name === 'packed');
    case 'array': {
      if (first === undefined || second === undefined) return undefined;
      const length = constantNumber(scope, second, "an array's length", LARGEST);
      return { kind: 'array', element: layoutOf(scope, first, `${name}_element`), length };
    }
    default:
      return undefined;
  }
}

/** The layout that an expression describes; an inline struct takes `name`. */
export function layoutOf(scope: Scope, node: ts.Expression, name: string): Layout {
  const called = ts.isCallExpression(node) ? layoutCall(scope, node, name) : undefined;
  if (called !== undefined) return called;
  const entity = ts.isCallExpression(node) ? undefined : scope.entity(node);
  if (entity?.kind === 'layout') return entity.layout;
  const integer = entity?.kind === 'intrinsic' ? integerLayout(entity.name) : undefined;
  return integer ?? scope.refuse('N3006', node, { name: node.getText() });
}
