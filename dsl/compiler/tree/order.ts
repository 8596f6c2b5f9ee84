/** The order in which the values of a record are evaluated: the source's, whatever the order of its type's fields. */
import type { Expression } from './tree.ts';

type RecordExpression = Extract<Expression, { kind: 'record' }>;

/** Evaluates every value in source order; gives the results in the order of the fields. */
export function inSourceOrder<T>(record: RecordExpression, evaluate: (value: Expression) => T): readonly T[] {
  const { values, order = values.keys() } = record;
  const results = new Map<number, T>();
  for (const index of order) {
    const value = values[index];
    if (value !== undefined) results.set(index, evaluate(value));
  }
  // What is missing from an order has no result; what has one may be undefined.
  return [...values.keys()].flatMap((index) => (results.has(index) ? [results.get(index) as T] : []));
}

/** The order for values that moved: `places` gives, by place in the new record, the place in `record`. */
export function reordered(
  record: RecordExpression,
  places: readonly number[],
): { readonly order?: readonly number[] } {
  const { values, order = [...values.keys()] } = record;
  const moved = order.flatMap((index) => {
    const place = places.indexOf(index);
    return place < 0 ? [] : [place];
  });
  return moved.every((place, index) => place === index) ? {} : { order: moved };
}
