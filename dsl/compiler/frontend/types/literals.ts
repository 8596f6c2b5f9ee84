/**
 * Integer literals and constants made of them. They have no width of their own: they take the type of what they meet
 * and are checked against its range then.
 */
import type { Expression, IntType, Span } from '../../tree/tree.ts';
import { fits, I32, I64, U32, U64, wrap } from './types.ts';

export type IntLiteral = Extract<Expression, { kind: 'int' }>;

/** `complement`: the value is negative only because `~` has infinitely many high bits; it wraps to unsigned types. */
type Freedom = 'exact' | 'complement';
const freedoms = new WeakMap<Expression, Freedom>();

/** A literal without a width; `wide` for a bigint. `alone`: its type where it meets nothing that has one. */
export function literal(
  value: bigint,
  wide: boolean,
  span: Span,
  freedom: Freedom = 'exact',
  alone?: IntType,
): IntLiteral {
  const signed = value < 0n && freedom === 'exact';
  const type = alone ?? (wide ? (signed ? I64 : U64) : signed ? I32 : U32);
  const node: IntLiteral = { kind: 'int', type, value, span };
  freedoms.set(node, value < 0n ? freedom : 'exact');
  return node;
}

/** A literal that has its type. */
export const typedLiteral = (value: bigint, type: IntType, span: Span): IntLiteral => ({
  kind: 'int',
  type,
  value: wrap(value, type),
  span,
});

export const freedomOf = (node: Expression): Freedom | undefined => freedoms.get(node);

/** Whether an integer expression still may take any width. */
export const isFree = (node: Expression): boolean =>
  node.kind === 'conditional' ? isFree(node.whenTrue) && isFree(node.whenFalse) : freedoms.has(node);

/** The same literal where a name that stands for it is used. */
export function at(node: Expression, span: Span): Expression {
  if (node.kind !== 'int') return { ...node, span };
  const freedom = freedoms.get(node);
  const copy: IntLiteral = { ...node, span };
  if (freedom !== undefined) freedoms.set(copy, freedom);
  return copy;
}

/** Gives a free expression its type; the literal that doesn't fit is returned as `misfit`. */
export function adapt(
  node: Expression,
  type: IntType,
): { readonly node: Expression } | { readonly misfit: IntLiteral } {
  if (node.kind === 'conditional') {
    const whenTrue = adapt(node.whenTrue, type);
    if ('misfit' in whenTrue) return whenTrue;
    const whenFalse = adapt(node.whenFalse, type);
    if ('misfit' in whenFalse) return whenFalse;
    return { node: { ...node, type, whenTrue: whenTrue.node, whenFalse: whenFalse.node } };
  }
  if (node.kind !== 'int') return { node };
  const value = freedoms.get(node) === 'complement' && !type.signed ? wrap(node.value, type) : node.value;
  return fits(value, type) ? { node: { ...node, type, value } } : { misfit: node };
}
