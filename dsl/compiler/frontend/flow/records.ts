/**
 * Records of ring buffers: what has been reserved must be submitted or discarded on every path, once, and not be used
 * afterwards, as the verifier has it (check_reference_leak, kernel/bpf/verifier.c).
 */
import type { Expression, Span } from '../../tree/tree.ts';
import type { Machine } from './machine.ts';
import type { State } from './state.ts';
import { type Abstract, SEVERAL, WHOLE } from './values.ts';

/** What may have become of a reservation, as bits: it failed, it is the program's, it was submitted or discarded. */
export const STANDING = { absent: 1, held: 2, released: 4 } as const;

const standingOf = (state: State, record: string): number => state.records.get(record) ?? STANDING.absent;

function withStanding(state: State, record: string, standing: number): State | undefined {
  if (standing === 0) return undefined;
  return { ...state, records: new Map(state.records).set(record, standing) };
}

/** The record that a reference is to. */
export const recordOf = (value: Abstract): string | undefined =>
  value.kind === 'ref' ? value.record : undefined;

export function reserve(machine: Machine, node: Extract<Expression, { kind: 'reserve' }>): Abstract {
  const { state } = machine;
  const record = machine.placeOf(node);
  machine.roundsAround.set(record, machine.rounds);
  if (state !== undefined) {
    if (standingOf(state, record) & STANDING.held)
      machine.report('N3014', node.span, { where: 'before it is reserved again in the next round' });
    machine.state = withStanding(state, record, STANDING.absent | STANDING.held);
  }
  return { kind: 'ref', epoch: undefined, alignment: WHOLE, record };
}

export function settle(machine: Machine, node: Extract<Expression, { kind: 'settle' }>): void {
  const record = recordOf(machine.evaluate(machine, node.record));
  machine.evaluate(machine, node.flags);
  const { state } = machine;
  if (record === undefined || state === undefined) return;
  if (record === SEVERAL || standingOf(state, record) !== STANDING.held)
    machine.report('N3015', node.record.span);
  else if (machine.rounds > (machine.roundsAround.get(record) ?? 0)) machine.report('N3019', node.span);
  machine.state = withStanding(state, record, STANDING.released);
}

/** A reference is about to be used. */
export function checkHeld(machine: Machine, value: Abstract, span: Span): void {
  const record = recordOf(value);
  const { state } = machine;
  if (record === undefined || state === undefined) return;
  if (record === SEVERAL || standingOf(state, record) & STANDING.released) machine.report('N3015', span);
}

/** The states in which an optional reference is there, and is not. */
export function present(state: State | undefined, value: Abstract) {
  const record = recordOf(value);
  if (state === undefined || record === undefined || record === SEVERAL)
    return { whenTrue: state, whenFalse: state };
  const standing = standingOf(state, record);
  return {
    whenTrue: withStanding(state, record, standing & ~STANDING.absent),
    whenFalse: withStanding(state, record, standing & STANDING.absent),
  };
}

/**
 * A round of a loop that bpf_loop runs may end here: it must have settled what it has reserved, as the
 * verifier takes it for a function of its own. `around`: how many such bodies are around the loop.
 */
export function checkRound(machine: Machine, around: number): void {
  for (const [record, standing] of machine.state?.records ?? []) {
    const span = machine.spanOf(record);
    if (standing & STANDING.held && span && (machine.roundsAround.get(record) ?? 0) > around)
      machine.report('N3014', span, { where: 'in the round that it is reserved in' });
  }
}

/** The program ends here, or another takes over: it may hold no record. */
export function checkSettled(machine: Machine, line: number): void {
  for (const [record, standing] of machine.state?.records ?? []) {
    const span = machine.spanOf(record);
    if (standing & STANDING.held && span)
      machine.report('N3014', span, { where: `on a path to line ${line}` });
  }
}

/** What is known of each record where two paths meet. */
export function mergeRecords(a: State['records'], b: State['records']): State['records'] {
  if (a === b) return a;
  const merged = new Map(a);
  for (const [record, standing] of b) merged.set(record, standing | (a.get(record) ?? STANDING.absent));
  for (const [record, standing] of a) if (!b.has(record)) merged.set(record, standing | STANDING.absent);
  return merged;
}

export function sameRecords(a: State['records'], b: State['records']): boolean {
  return a === b || (a.size === b.size && [...a].every(([record, standing]) => b.get(record) === standing));
}
