/** Abstract execution of statements. Loops run to a fixpoint, short counted ones round by round. */
import type { Expression, FunctionTree, Span, Statement, Type } from '../../tree/tree.ts';
import { mayReferToStack, usesOf } from '../../tree/walk.ts';
import { branch, replaced } from './conditions.ts';
import { access, rangeText } from './expressions.ts';
import { type JumpFrame, jumpFrame, type Machine, type Outcome } from './machine.ts';
import { checkRound, checkSettled } from './records.ts';
import { leaveScope, type State, sameState, set, widenState } from './state.ts';
import { type Abstract, interval, NOTHING, top } from './values.ts';

type Loop = Extract<Statement, { kind: 'loop' }>;

/** Counted loops up to this long are walked round by round, so that what they add up stays bounded. */
const LONGEST_WALK = 32;
/** Rounds before growing intervals are widened. */
const ROUNDS_BEFORE_WIDENING = 3;

function sequence(machine: Machine, statements: readonly Statement[]): void {
  for (const statement of statements) machine.run(machine, statement);
}

/** Condition, body and update once; gives the state in which the condition ended the loop. */
function round(machine: Machine, node: Loop, frame: JumpFrame, test: boolean): State | undefined {
  let left: State | undefined;
  if (node.condition && test) {
    const { whenTrue, whenFalse } = branch(machine, node.condition);
    left = whenFalse;
    machine.state = whenTrue;
  }
  machine.run(machine, node.body);
  machine.state = machine.merge(machine.state, frame.continues);
  frame.continues = undefined;
  sequence(machine, node.update);
  return left;
}

/** Every round by itself, until the condition ends the loop. */
function walk(machine: Machine, node: Loop, frame: JumpFrame, rounds: number): State | undefined {
  let exits: State | undefined;
  for (let done = 0; done <= rounds && machine.state !== undefined; done += 1)
    exits = machine.merge(exits, round(machine, node, frame, true));
  return machine.merge(exits, machine.state);
}

/** All rounds at once: the least entry state found that no round changes. */
function settle(machine: Machine, node: Loop, frame: JumpFrame): State | undefined {
  let entry = machine.state;
  for (let rounds = 0; entry !== undefined; rounds += 1) {
    const before: State = entry;
    machine.quietly(() => round(machine, node, frame, true));
    frame.breaks = undefined;
    const next: State | undefined = machine.merge(before, machine.state);
    if (next === undefined || sameState(before, next)) {
      // The first round of the program enters with the epoch of `next`, in which moved references are stale.
      entry = next;
      break;
    }
    entry = rounds < ROUNDS_BEFORE_WIDENING ? next : widenState(before, next);
    machine.state = entry;
  }
  machine.state = entry;
  return round(machine, node, frame, true);
}

function loop(machine: Machine, node: Loop): void {
  sequence(machine, node.initial);
  const frame = jumpFrame(node);
  machine.jumps.push(frame);
  if (node.postTest) round(machine, node, frame, false);
  const early = frame.breaks;
  const short = node.trips !== undefined && node.trips.count <= LONGEST_WALK && machine.isPatient();
  const exits = short ? walk(machine, node, frame, node.trips?.count ?? 0) : settle(machine, node, frame);
  machine.jumps.pop();
  machine.state = machine.merge(machine.merge(exits, frame.breaks), early);
}

/** BPF_MAX_LOOPS, include/linux/bpf.h: bpf_loop runs nothing where more are asked for. */
const MOST_ROUNDS = 1n << 23n;

/** The value with nothing known of its numbers. */
function unknown(value: Abstract, type: Type): Abstract {
  if (type.kind === 'int' || type.kind === 'bool') return top(type);
  if (type.kind !== 'record' || value.kind !== 'record') return value;
  return {
    kind: 'record',
    fields: new Map(
      type.fields.map(({ name, type: of }) => [name, unknown(value.fields.get(name) ?? top(of), of)]),
    ),
  };
}

/** The state that a round starts in: the verifier is kept from knowing the numbers that rounds change. */
function forgotten(state: State, assigned: ReadonlyMap<number, Span>): State {
  const variables = state.variables.mapped((value, { id, type }) =>
    assigned.has(id) ? unknown(value, type) : value,
  );
  return { ...state, variables };
}

/**
 * Any number of rounds, each with any counter that the count allows; of a count that isn't constant nothing is known. A
 * round may not leave an address of the stack to its caller (check_stack_write_fixed_off, kernel/bpf/verifier.c).
 */
function repeat(machine: Machine, node: Extract<Statement, { kind: 'repeat' }>): void {
  const count = machine.evaluate(machine, node.count);
  machine.forbidLocked('a loop that bpf_loop runs', node.span);
  if (count.kind === 'int' && count.high > MOST_ROUNDS)
    machine.report('N4005', node.count.span, { range: rangeText(count.low, count.high) });
  const highest = node.constant === undefined ? (1n << 32n) - 1n : BigInt(node.constant) - 1n;
  const frame = jumpFrame(node);
  const { assigned, variables } = usesOf(node);
  for (const { id, name, type } of variables) {
    const span = assigned.get(id);
    if (span && mayReferToStack(type)) machine.report('N4006', span, { where: `'${name}'` });
  }
  const once = (entry: State): State | undefined => {
    machine.state = set(forgotten(entry, assigned), node.counter, interval(0n, highest));
    frame.continues = undefined;
    machine.run(machine, node.body);
    return machine.merge(entry, machine.merge(machine.state, frame.continues));
  };
  machine.jumps.push(frame);
  machine.rounds += 1;
  let entry = machine.state;
  for (let rounds = 0; entry !== undefined; rounds += 1) {
    const before: State = entry;
    let next: State | undefined;
    machine.quietly(() => {
      next = once(before);
    });
    frame.breaks = undefined;
    if (next === undefined || sameState(before, next)) break;
    entry = rounds < ROUNDS_BEFORE_WIDENING ? next : widenState(before, next);
  }
  const left = entry && once(entry);
  const around = machine.rounds - 1;
  for (const end of [machine.state, frame.continues, frame.breaks]) {
    machine.state = end;
    checkRound(machine, around);
  }
  machine.rounds -= 1;
  machine.jumps.pop();
  const after = machine.merge(left, frame.breaks);
  machine.state = after && forgotten(after, assigned);
}

function choose(machine: Machine, node: Extract<Statement, { kind: 'switch' }>): void {
  machine.evaluate(machine, node.on);
  const entry = machine.state;
  let after = node.otherwise === undefined ? entry : undefined;
  const bodies = [...node.cases.map((one) => one.body), ...(node.otherwise ? [node.otherwise] : [])];
  const frame = jumpFrame(node);
  machine.jumps.push(frame);
  for (const body of bodies) {
    machine.state = entry;
    machine.run(machine, body);
    after = machine.merge(after, machine.state);
  }
  machine.jumps.pop();
  machine.state = machine.merge(after, frame.breaks);
}

function assignField(machine: Machine, node: Extract<Statement, { kind: 'assignField' }>): void {
  const value = machine.evaluate(machine, node.value);
  const { state } = machine;
  const record = state?.variables.get(node.variable);
  if (state !== undefined && record !== undefined)
    machine.state = set(state, node.variable, replaced(record, node.path, value));
}

/** The program's result: all of it within what the kernel takes where the verifier insists, else at least a part. */
function checkResult(machine: Machine, value: Abstract, node: Expression): void {
  if (machine.results === undefined || value.kind !== 'int') return;
  const { lowest, highest, enforced, kind } = machine.results;
  const within = value.low >= lowest && value.high <= highest;
  const meets = value.low <= highest && value.high >= lowest;
  if (enforced ? within : meets) return;
  machine.report('N5007', node.span, {
    range: rangeText(value.low, value.high),
    kind,
    allowed: rangeText(lowest, highest),
  });
}

function giveBack(machine: Machine, node: Extract<Statement, { kind: 'return' }>): void {
  const value = node.value ? machine.evaluate(machine, node.value) : NOTHING;
  const isAddress = node.value && node.value.kind !== 'undefined' && mayReferToStack(node.value.type);
  const rounds = machine.jumps.filter(({ kind }) => kind === 'repeat').length;
  if (isAddress && rounds > 0) machine.report('N4006', node.span, { where: 'what it returns' });
  if (rounds > 0) checkRound(machine, machine.rounds - rounds);
  if (machine.functions.length === 1) {
    if (node.value) checkResult(machine, value, node.value);
    checkSettled(machine, node.span.line);
  }
  const before = machine.functions.pop();
  if (before !== undefined) machine.functions.push(machine.meet(before, { state: machine.state, value }));
  machine.state = undefined;
}

function jump(machine: Machine, { kind, label }: Extract<Statement, { kind: 'break' | 'continue' }>) {
  const to = kind === 'break' ? 'breaks' : 'continues';
  const isMeant = (frame: JumpFrame): boolean =>
    label === undefined ? kind === 'break' || frame.kind !== 'switch' : frame.label === label;
  const frame = machine.jumps.findLast(isMeant);
  if (frame !== undefined) frame[to] = machine.merge(frame[to], machine.state);
  machine.state = undefined;
}

export function run(machine: Machine, node: Statement): void {
  machine.step();
  if (machine.state === undefined) return;
  switch (node.kind) {
    case 'declare':
    case 'assign': {
      const value = machine.evaluate(machine, node.value);
      if (machine.state !== undefined) machine.state = set(machine.state, node.variable, value);
      return;
    }
    case 'assignField':
      assignField(machine, node);
      return;
    case 'store':
      machine.evaluate(machine, node.value);
      access(machine, node.to);
      return;
    case 'storeContext':
      machine.evaluate(machine, node.value);
      return;
    case 'expression':
      machine.evaluate(machine, node.expression);
      return;
    case 'block':
      sequence(machine, node.body);
      return;
    case 'if': {
      const { whenTrue, whenFalse } = branch(machine, node.condition);
      machine.state = whenTrue;
      machine.run(machine, node.whenTrue);
      const after = machine.state;
      machine.state = whenFalse;
      if (node.whenFalse) machine.run(machine, node.whenFalse);
      machine.state = machine.merge(after, machine.state);
      return;
    }
    case 'loop':
      loop(machine, node);
      return;
    case 'repeat':
      repeat(machine, node);
      return;
    case 'switch':
      choose(machine, node);
      return;
    case 'break':
    case 'continue':
      jump(machine, node);
      return;
    case 'return':
      giveBack(machine, node);
      return;
  }
}

/** A call: the callee's body with these arguments, so that each call is judged by what it passes. */
export function call(machine: Machine, callee: FunctionTree, given: readonly Abstract[]): Abstract {
  const before = machine.state;
  callee.parameters.forEach((parameter, index) => {
    if (machine.state !== undefined)
      machine.state = set(machine.state, parameter, given[index] ?? top(parameter.type));
  });
  machine.functions.push({ state: undefined, value: NOTHING });
  const jumps = machine.jumps.splice(0);
  sequence(machine, callee.body);
  machine.jumps.push(...jumps);
  if (machine.functions.length === 1 && machine.state !== undefined)
    checkSettled(machine, callee.span.endLine);
  const end: Outcome = { state: machine.state, value: NOTHING };
  const returned = machine.functions.pop();
  const { state, value } = returned?.state === undefined ? end : machine.meet(returned, end);
  machine.state = state && before && leaveScope(state, before);
  return value.kind === 'nothing' ? top(callee.returnType) : value;
}
