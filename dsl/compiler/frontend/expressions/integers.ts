/** Arithmetic and comparison on integers: the width and sign at which they happen, and constants folded. */
import type { ts } from 'ts-morph';
import type { ArithmeticOperator, CompareOperator, Expression, IntType } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { adaptTo, settle } from '../types/coerce.ts';
import { freedomOf, isFree, literal, typedLiteral } from '../types/literals.ts';
import { BOOL, describe, I32, promoted, sameType, U32 } from '../types/types.ts';

const shifted = (operator: ArithmeticOperator): boolean => operator === 'shl' || operator === 'shr';

function evaluate(operator: ArithmeticOperator, a: bigint, b: bigint): bigint {
  switch (operator) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return b === 0n ? 0n : a / b;
    case 'mod':
      return b === 0n ? a : a % b;
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'shl':
      return a << b;
    case 'shr':
      return a >> b;
  }
}

function evaluateCompare(operator: CompareOperator, a: bigint, b: bigint): boolean {
  switch (operator) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
  }
}

export function integerType(scope: Scope, value: Expression, node: ts.Node): IntType {
  if (value.type.kind === 'int') return value.type;
  return scope.refuse('N2006', node, { expected: 'an integer', found: describe(value.type) });
}

/** Extends or truncates an integer; nothing where it has the type already. */
export const convert = (operand: Expression, type: IntType): Expression =>
  sameType(operand.type, type) ? operand : { kind: 'convert', type, operand, span: operand.span };

/** The type at which two operands meet: 32 bits unless both are 64, u32 unless one is signed. */
function commonType(scope: Scope, operator: string, left: IntType, right: IntType, node: ts.Node): IntType {
  const a = promoted(left);
  const b = promoted(right);
  if (a.bits === 64 || b.bits === 64) {
    if (sameType(a, b)) return a;
  } else {
    const signed = left.signed || right.signed;
    const clash = signed && [left, right].some((type) => type.bits === 32 && !type.signed);
    if (!clash) return signed ? I32 : U32;
  }
  return scope.refuse('N2003', node, { operator, left: describe(left), right: describe(right) });
}

export interface Pair {
  readonly left: Expression;
  readonly right: Expression;
  readonly type: IntType;
}

/** Both operands at their common type; literals take the other operand's. */
export function unify(
  scope: Scope,
  operator: string,
  left: Expression,
  right: Expression,
  node: ts.Node,
): Pair {
  const leftType = integerType(scope, left, node);
  const rightType = integerType(scope, right, node);
  const { session } = scope;
  if (isFree(left) !== isFree(right)) {
    const type = promoted(isFree(left) ? rightType : leftType);
    const place = (value: Expression) =>
      isFree(value) ? adaptTo(session, value, type, node) : convert(value, type);
    return { left: place(left), right: place(right), type };
  }
  const a = settle(session, left, node);
  const b = settle(session, right, node);
  const type = commonType(scope, operator, leftType, rightType, node);
  if (isFree(left))
    return { left: adaptTo(session, left, type, node), right: adaptTo(session, right, type, node), type };
  return { left: convert(a, type), right: convert(b, type), type };
}

function foldFree(
  scope: Scope,
  operator: ArithmeticOperator,
  left: Expression,
  right: Expression,
  node: ts.Node,
): Expression | undefined {
  if (left.kind !== 'int' || right.kind !== 'int' || !isFree(left) || !isFree(right)) return undefined;
  const complement = freedomOf(left) === 'complement' || freedomOf(right) === 'complement';
  const value = evaluate(operator, left.value, right.value);
  return literal(value, left.type.bits === 64, scope.span(node), complement ? 'complement' : 'exact');
}

function checkCount(scope: Scope, count: Expression, type: IntType, node: ts.Node): void {
  if (count.kind !== 'int' || (count.value >= 0n && count.value < BigInt(type.bits))) return;
  scope.refuse('N2008', node, {
    count: String(count.value),
    bits: String(type.bits),
    highest: String(type.bits - 1),
  });
}

function shiftOperands(scope: Scope, left: Expression, right: Expression, node: ts.Node): Pair {
  const type = promoted(integerType(scope, left, node));
  integerType(scope, right, node);
  checkCount(scope, right, type, node);
  const place = (value: Expression) =>
    isFree(value) ? adaptTo(scope.session, value, type, node) : convert(value, type);
  return { left: place(left), right: place(right), type };
}

/** `left operator right`; `text` is the operator as written. */
export function arithmetic(
  scope: Scope,
  operator: ArithmeticOperator,
  text: string,
  left: Expression,
  right: Expression,
  node: ts.Node,
): Expression {
  if (shifted(operator) && left.type.kind === 'int') checkCount(scope, right, promoted(left.type), node);
  const folded = foldFree(scope, operator, left, right, node);
  if (folded !== undefined) return folded;
  const pair = shifted(operator)
    ? shiftOperands(scope, left, right, node)
    : unify(scope, text, left, right, node);
  const span = scope.span(node);
  if (pair.left.kind === 'int' && pair.right.kind === 'int')
    return typedLiteral(evaluate(operator, pair.left.value, pair.right.value), pair.type, span);
  return { kind: 'arithmetic', operator, ...pair, span };
}

/** `>>>`: logical whatever the operand's sign, at 32 bits. */
export function logicalShift(scope: Scope, left: Expression, right: Expression, node: ts.Node): Expression {
  const operand = isFree(left) ? adaptTo(scope.session, left, U32, node) : convert(left, U32);
  integerType(scope, left, node);
  return arithmetic(scope, 'shr', '>>>', operand, right, node);
}

/** A comparison of two integers or, for equality, two booleans. */
export function compare(
  scope: Scope,
  operator: CompareOperator,
  text: string,
  left: Expression,
  right: Expression,
  node: ts.Node,
): Expression {
  const span = scope.span(node);
  if (left.type.kind === 'bool' && right.type.kind === 'bool' && (operator === 'eq' || operator === 'ne'))
    return { kind: 'compare', type: BOOL, operator, left, right, span };
  if (left.type.kind !== 'int' || right.type.kind !== 'int')
    return scope.refuse('N2007', node, {
      operator: text,
      left: describe(left.type),
      right: describe(right.type),
    });
  if (left.kind === 'int' && right.kind === 'int' && isFree(left) && isFree(right))
    return { kind: 'bool', type: BOOL, value: evaluateCompare(operator, left.value, right.value), span };
  const pair = unify(scope, text, left, right, node);
  if (pair.left.kind === 'int' && pair.right.kind === 'int')
    return {
      kind: 'bool',
      type: BOOL,
      value: evaluateCompare(operator, pair.left.value, pair.right.value),
      span,
    };
  return { kind: 'compare', type: BOOL, operator, left: pair.left, right: pair.right, span };
}
