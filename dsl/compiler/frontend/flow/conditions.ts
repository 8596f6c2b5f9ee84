/** What a condition says of the variables in it, on either side. */
import type { CompareOperator, Expression, Variable } from '../../tree/tree.ts';
import { type Interval, MIRRORED, OPPOSITE, restrict } from './intervals.ts';
import type { Machine } from './machine.ts';
import { present } from './records.ts';
import { type State, set } from './state.ts';
import { type Abstract, interval } from './values.ts';

export interface Branches {
  readonly whenTrue: State | undefined;
  readonly whenFalse: State | undefined;
}

/** The variable, or the field of one, that an expression reads; widening conversions keep the value. */
function placeOf(
  node: Expression,
): { readonly variable: Variable; readonly path: readonly string[] } | undefined {
  if (node.kind === 'variable') return { variable: node.variable, path: [] };
  if (node.kind === 'field') {
    const record = placeOf(node.record);
    return record && { variable: record.variable, path: [...record.path, node.name] };
  }
  if (node.kind === 'convert' && node.operand.type.kind === 'int') {
    const from = node.operand.type;
    const keeps = from.bits < node.type.bits && (!from.signed || node.type.signed);
    return keeps ? placeOf(node.operand) : undefined;
  }
  return undefined;
}

/** Replaces the part of a value at a path. */
export function replaced(value: Abstract, path: readonly string[], part: Abstract): Abstract {
  const [name, ...rest] = path;
  if (name === undefined) return part;
  if (value.kind !== 'record') return value;
  const old = value.fields.get(name);
  if (old === undefined) return value;
  return { kind: 'record', fields: new Map(value.fields).set(name, replaced(old, rest, part)) };
}

/** The state in which `node`, known to lie in `known`, stands in the relation to a value of `other`. */
function refined(
  state: State | undefined,
  operator: CompareOperator,
  node: Expression,
  known: Interval,
  other: Interval,
): State | undefined {
  if (state === undefined) return undefined;
  const kept = restrict(operator, known, other);
  if (kept === undefined) return undefined;
  const place = placeOf(node);
  const value = place && state.variables.get(place.variable);
  if (place === undefined || value === undefined) return state;
  return set(state, place.variable, replaced(value, place.path, interval(kept.low, kept.high)));
}

function comparison(machine: Machine, node: Extract<Expression, { kind: 'compare' }>): Branches | undefined {
  const left = machine.evaluate(machine, node.left);
  const right = machine.evaluate(machine, node.right);
  if (left.kind !== 'int' || right.kind !== 'int') return undefined;
  const { state } = machine;
  const side = (operator: CompareOperator) =>
    refined(refined(state, operator, node.left, left, right), MIRRORED[operator], node.right, right, left);
  return { whenTrue: side(node.operator), whenFalse: side(OPPOSITE[node.operator]) };
}

function logical(machine: Machine, node: Extract<Expression, { kind: 'logical' }>): Branches {
  const first = branch(machine, node.left);
  machine.state = node.operator === 'and' ? first.whenTrue : first.whenFalse;
  const second = branch(machine, node.right);
  return node.operator === 'and'
    ? { whenTrue: second.whenTrue, whenFalse: machine.merge(first.whenFalse, second.whenFalse) }
    : { whenTrue: machine.merge(first.whenTrue, second.whenTrue), whenFalse: second.whenFalse };
}

/** The states after a condition held and after it did not. */
export function branch(machine: Machine, node: Expression): Branches {
  if (node.kind === 'logical') return logical(machine, node);
  if (node.kind === 'hint') return branch(machine, node.operand);
  if (node.kind === 'not') {
    const { whenTrue, whenFalse } = branch(machine, node.operand);
    return { whenTrue: whenFalse, whenFalse: whenTrue };
  }
  if (node.kind === 'isPresent') {
    const value = machine.evaluate(machine, node.operand);
    return present(machine.state, value);
  }
  const known = node.kind === 'compare' ? comparison(machine, node) : undefined;
  if (known !== undefined) return known;
  const value = node.kind === 'compare' ? undefined : machine.evaluate(machine, node);
  const { state } = machine;
  if (value?.kind !== 'bool') return { whenTrue: state, whenFalse: state };
  return { whenTrue: value.mayBeTrue ? state : undefined, whenFalse: value.mayBeFalse ? state : undefined };
}
