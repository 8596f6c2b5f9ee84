/** Abstract evaluation of expressions: ranges of integers, ages of packet references, and the checks on both. */
import { helperByName } from '../../../machine/helpers.ts';
import { sizeOf } from '../../../object/layout.ts';
import { inSourceOrder } from '../../tree/order.ts';
import type { Expression } from '../../tree/tree.ts';
import { branch } from './conditions.ts';
import { arithmetic, compared, converted } from './intervals.ts';
import type { Machine, Outcome } from './machine.ts';
import { checkHeld, checkSettled, recordOf, reserve, settle } from './records.ts';
import type { State } from './state.ts';
import { type Abstract, behind, interval, NOTHING, STALE, top, truth, UNDECIDED, WHOLE } from './values.ts';

/** The largest offset that packet access is lowered for. */
const LARGEST_OFFSET = 65535n;

export const rangeText = (low: bigint, high: bigint): string =>
  low === high ? String(low) : `${low} to ${high}`;

/** Evaluates a reference that memory is accessed through. */
export function access(machine: Machine, node: Expression): Abstract {
  const value = machine.evaluate(machine, node);
  const { state } = machine;
  if (value.kind === 'ref' && value.epoch !== undefined && state && value.epoch !== state.epoch)
    machine.report('N3003', node.span);
  checkHeld(machine, value, node.span);
  return value;
}

function element(machine: Machine, node: Extract<Expression, { kind: 'element' }>): Abstract {
  const base = machine.evaluate(machine, node.base);
  const index = machine.evaluate(machine, node.index);
  const proven = index.kind === 'int' && index.low >= 0n && index.high < BigInt(node.length);
  if (!proven && index.kind === 'int')
    machine.report('N3001', node.index.span, {
      range: rangeText(index.low, index.high),
      length: String(node.length),
      mask: String(2 ** Math.floor(Math.log2(node.length)) - 1),
    });
  const isKnown = index.kind === 'int' && index.low === index.high;
  if (node.type.space === 'packet' && machine.rounds > 0 && !isKnown)
    machine.report('N3021', node.index.span);
  return behind(base, node.stride);
}

function packetAt(machine: Machine, node: Extract<Expression, { kind: 'packetAt' }>): Abstract {
  const offset = machine.evaluate(machine, node.offset);
  const size = sizeOf(node.layout);
  if (offset.kind === 'int' && (offset.low < 0n || offset.high + BigInt(size) > LARGEST_OFFSET))
    machine.report('N3002', node.offset.span, {
      range: rangeText(offset.low, offset.high),
      size: String(size),
    });
  return { kind: 'ref', epoch: machine.state?.epoch ?? STALE, alignment: WHOLE };
}

/** What asks the kernel: no spin lock may be held then. */
const CALLS_OF_THE_KERNEL: Readonly<Partial<Record<Expression['kind'], string>>> = {
  mapLookup: 'a lookup in a map',
  mapUpdate: 'an update of a map',
  mapDelete: 'a deletion from a map',
  reserve: 'a reservation in a ring buffer',
  settle: 'a submission to a ring buffer',
  output: 'an output to a ring buffer',
  tailCall: 'a tail call',
  clock: 'reading a clock',
  random: 'drawing a random number',
  locked: 'taking a second lock',
};

function forbidden(node: Expression): string | undefined {
  if (node.kind === 'helper') return `calling '${node.name}'`;
  if (node.kind === 'call' && node.function.noinline) return `calling the noinline '${node.function.name}'`;
  return CALLS_OF_THE_KERNEL[node.kind];
}

function locked(machine: Machine, node: Extract<Expression, { kind: 'locked' }>): Abstract {
  access(machine, node.lock);
  machine.locks += 1;
  const value = machine.call(machine, node.body, []);
  machine.locks -= 1;
  return value;
}

function tailCall(machine: Machine, node: Extract<Expression, { kind: 'tailCall' }>): void {
  machine.evaluate(machine, node.index);
  checkSettled(machine, node.span.line);
  if (machine.rounds > 0) machine.report('N5009', node.span, { where: 'the body of a long loop' });
  // Linux 6.13 takes every reference for stale behind one (bpf_helper_changes_pkt_data, net/core/filter.c).
  machine.invalidate();
}

function helper(machine: Machine, node: Extract<Expression, { kind: 'helper' }>): Abstract {
  for (const argument of node.arguments)
    if (argument.type.kind === 'ref') access(machine, argument);
    else machine.evaluate(machine, argument);
  if (helperByName.get(node.name)?.invalidatesPacket) machine.invalidate();
  return top(node.type);
}

function conditional(machine: Machine, node: Extract<Expression, { kind: 'conditional' }>): Abstract {
  const { whenTrue, whenFalse } = branch(machine, node.condition);
  const outcome = (state: State | undefined, part: Expression): Outcome => {
    machine.state = state;
    const value = machine.evaluate(machine, part);
    return { state: machine.state, value };
  };
  const met = machine.meet(outcome(whenTrue, node.whenTrue), outcome(whenFalse, node.whenFalse));
  machine.state = met.state;
  return met.state === undefined ? top(node.type) : met.value;
}

/** A condition as a value. */
function decided(machine: Machine, node: Expression): Abstract {
  const { whenTrue, whenFalse } = branch(machine, node);
  machine.state = machine.merge(whenTrue, whenFalse);
  return truth(whenTrue !== undefined, whenFalse !== undefined);
}

function compare(machine: Machine, node: Extract<Expression, { kind: 'compare' }>): Abstract {
  const left = machine.evaluate(machine, node.left);
  const right = machine.evaluate(machine, node.right);
  return left.kind === 'int' && right.kind === 'int' ? compared(node.operator, left, right) : UNDECIDED;
}

function extremum(machine: Machine, node: Extract<Expression, { kind: 'extremum' }>): Abstract {
  const left = machine.evaluate(machine, node.left);
  const right = machine.evaluate(machine, node.right);
  if (left.kind !== 'int' || right.kind !== 'int') return top(node.type);
  const pick = (a: bigint, b: bigint) => (a < b === (node.which === 'min') ? a : b);
  return interval(pick(left.low, right.low), pick(left.high, right.high));
}

function record(machine: Machine, node: Extract<Expression, { kind: 'record' }>): Abstract {
  const values = inSourceOrder(node, (value) => machine.evaluate(machine, value));
  return {
    kind: 'record',
    fields: new Map(node.type.fields.map((field, index) => [field.name, values[index] ?? top(field.type)])),
  };
}

/** The verifier asks for the alignment of atomics on every machine (check_atomic, kernel/bpf/verifier.c). */
function atomic(machine: Machine, node: Extract<Expression, { kind: 'atomic' }>): void {
  const on = access(machine, node.on);
  const bytes = sizeOf(node.layout);
  const isPrivate = node.on.type.kind === 'ref' && node.on.type.space === 'stack';
  if (on.kind === 'ref' && on.alignment < bytes && !isPrivate)
    machine.report('N3018', node.on.span, { bytes: String(bytes) });
}

/** A map's key or value: memory that the kernel reads, or a value. */
function operand(machine: Machine, node: Expression): Abstract {
  return node.type.kind === 'ref' ? access(machine, node) : machine.evaluate(machine, node);
}

/** One call may refer to one reserved record (check_func_arg, kernel/bpf/verifier.c). */
function mapUpdate(machine: Machine, node: Extract<Expression, { kind: 'mapUpdate' }>): void {
  if (node.on) machine.evaluate(machine, node.on);
  const key = operand(machine, node.key);
  const value = operand(machine, node.value);
  if (recordOf(key) !== undefined && recordOf(value) !== undefined) machine.report('N3020', node.value.span);
  machine.evaluate(machine, node.flags);
}

export function evaluate(machine: Machine, node: Expression): Abstract {
  machine.step();
  const { state } = machine;
  if (state === undefined) return top(node.type);
  const of = (inner: Expression) => machine.evaluate(machine, inner);
  const what = machine.locks > 0 ? forbidden(node) : undefined;
  if (what !== undefined) machine.forbidLocked(what, node.span);
  switch (node.kind) {
    case 'int':
      return interval(node.value, node.value);
    case 'bool':
      return truth(node.value, !node.value);
    case 'undefined':
      return { kind: 'ref', epoch: undefined, alignment: WHOLE };
    case 'variable':
      return state.variables.get(node.variable) ?? top(node.type, state.epoch);
    case 'negate': {
      const value = of(node.operand);
      return value.kind === 'int'
        ? arithmetic('sub', { low: 0n, high: 0n }, value, node.type)
        : top(node.type);
    }
    case 'complement':
      of(node.operand);
      return top(node.type);
    case 'not':
    case 'logical':
    case 'hint':
      return decided(machine, node);
    case 'compare':
      return compare(machine, node);
    case 'arithmetic': {
      const left = of(node.left);
      const right = of(node.right);
      return left.kind === 'int' && right.kind === 'int'
        ? arithmetic(node.operator, left, right, node.type)
        : top(node.type);
    }
    case 'conditional':
      return conditional(machine, node);
    case 'extremum':
      return extremum(machine, node);
    case 'convert': {
      const value = of(node.operand);
      if (value.kind === 'bool') return interval(value.mayBeFalse ? 0n : 1n, value.mayBeTrue ? 1n : 0n);
      return value.kind === 'int' ? converted(value, node.type) : top(node.type);
    }
    case 'present':
    case 'optional':
      return of(node.operand);
    case 'isPresent':
      return decided(machine, node);
    case 'record':
      return record(machine, node);
    case 'field': {
      const value = of(node.record);
      return (value.kind === 'record' && value.fields.get(node.name)) || top(node.type, state.epoch);
    }
    case 'member':
      return behind(of(node.base), node.offset);
    case 'global':
      return behind(top(node.type), node.offset);
    case 'element':
      return element(machine, node);
    case 'load':
      access(machine, node.from);
      return top(node.type);
    case 'packetAt':
      return packetAt(machine, node);
    case 'mapLookup':
    case 'mapDelete':
      if (node.on) of(node.on);
      operand(machine, node.key);
      return top(node.type);
    case 'reserve':
      return reserve(machine, node);
    case 'settle':
      settle(machine, node);
      return NOTHING;
    case 'output':
      operand(machine, node.value);
      of(node.flags);
      return top(node.type);
    case 'tailCall':
      tailCall(machine, node);
      return NOTHING;
    case 'locked':
      return locked(machine, node);
    case 'mapUpdate':
      mapUpdate(machine, node);
      return top(node.type);
    case 'atomic':
      atomic(machine, node);
      if (node.expected) of(node.expected);
      of(node.value);
      return top(node.type);
    case 'helper':
      return helper(machine, node);
    case 'call': {
      const given = node.arguments.map(of);
      machine.path.push(machine.numberOf(node));
      const value = machine.call(machine, node.function, given);
      machine.path.pop();
      return value;
    }
    case 'context':
      return NOTHING;
    default:
      return top(node.type);
  }
}
