/** What is known of every variable at one point of the program. */
import type { Variable } from '../../tree/tree.ts';
import { mergeRecords, sameRecords } from './records.ts';
import { type Abstract, STALE, same, union, widen } from './values.ts';
import { Variables } from './variables.ts';

export interface State {
  readonly variables: Variables;
  /** The packet's epoch: references made in another one may point to where the packet no longer is. */
  readonly epoch: number;
  /** What may have become of each record of a ring buffer (STANDING in records.ts). */
  readonly records: ReadonlyMap<string, number>;
}

export const EMPTY: State = { variables: Variables.NONE, epoch: 0, records: new Map() };

export function set(state: State, variable: Variable, value: Abstract): State {
  return { ...state, variables: state.variables.with(variable, value) };
}

/** The state without what came to be known since `before`: variables that are no longer in scope. */
export function leaveScope(state: State, before: State): State {
  return { ...state, variables: state.variables.joined(before.variables, (value) => value) };
}

/** References of the epoch take the new number, all others are stale. */
function renumber(value: Abstract, from: number, to: number): Abstract {
  if (value.kind === 'ref' && value.epoch !== undefined)
    return { ...value, epoch: value.epoch === from ? to : STALE };
  if (value.kind !== 'record') return value;
  return {
    kind: 'record',
    fields: new Map([...value.fields].map(([name, part]) => [name, renumber(part, from, to)])),
  };
}

function moveTo(state: State, epoch: number): State {
  if (state.epoch === epoch) return state;
  return {
    ...state,
    epoch,
    variables: state.variables.mapped((value) => renumber(value, state.epoch, epoch)),
  };
}

/** Where two paths meet; undefined is a path that is never taken. Variables of one path alone are out of scope. */
export function merge(a: State | undefined, b: State | undefined, fresh: () => number): State | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  const epoch = a.epoch === b.epoch ? a.epoch : fresh();
  const left = moveTo(a, epoch);
  const right = moveTo(b, epoch);
  const variables = left.variables.joined(right.variables, union);
  return { epoch, variables, records: mergeRecords(a.records, b.records) };
}

export function sameState(a: State, b: State): boolean {
  return a.variables.everyInBoth(b.variables, same) && sameRecords(a.records, b.records);
}

export function widenState(before: State, next: State): State {
  const variables = next.variables.mapped((value, variable) => {
    const old = before.variables.get(variable);
    return old === undefined ? value : widen(old, value, variable.type);
  });
  return { ...next, variables };
}
