/** Ring buffers, tail calls and spin locks, on the machine's models. */
import type { Expression, Span } from '../compiler/tree/tree.ts';
import { ProgramArray } from '../machine/reference-maps.ts';
import { RingBuffer } from '../machine/ring-buffer.ts';
import { sizeOf } from '../object/layout.ts';
import { laidOut } from './memory.ts';
import type { Run } from './run.ts';
import { InterpreterError, Reference, type Value } from './values.ts';

function ringNamed(run: Run, name: string, span: Span): RingBuffer {
  const ring = run.maps.get(name);
  if (ring instanceof RingBuffer) return ring;
  throw new InterpreterError(span, `${name} is no ring buffer`);
}

export function reserve(run: Run, expression: Expression & { kind: 'reserve' }): Reference | undefined {
  const { layout } = expression.type.of;
  const ring = ringNamed(run, expression.map, expression.span);
  const bytes = ring.reserve(sizeOf(layout));
  if (bytes === undefined) return undefined;
  run.reserved.set(bytes, ring);
  return new Reference(bytes, 0, layout, 'ring');
}

export function settle(run: Run, record: Reference, submit: boolean, span: Span): void {
  const ring = run.reserved.get(record.bytes);
  if (ring === undefined) throw new InterpreterError(span, 'this record is not reserved');
  run.reserved.delete(record.bytes);
  if (submit) ring.submit(record.bytes);
  else ring.discard(record.bytes);
}

/** 0, or a negative errno. */
export function output(
  run: Run,
  { map, layout, span }: Expression & { kind: 'output' },
  value: Value,
  flags: bigint,
): bigint {
  return BigInt(ringNamed(run, map, span).output(laidOut(value, layout, run.packet, span), flags));
}

/** Thrown to end the program where another takes over. */
export class TailCall {
  readonly program: string;

  constructor(program: string) {
    this.program = program;
  }
}

/** MAX_TAIL_CALL_CNT, include/linux/bpf.h. */
const MOST_TAIL_CALLS = 33;

/** Throws a TailCall where there is a program at the index and one more may be called. */
export function tailCall(run: Run, expression: Expression & { kind: 'tailCall' }, index: bigint): void {
  const programs = run.maps.get(expression.map);
  if (!(programs instanceof ProgramArray))
    throw new InterpreterError(expression.span, `${expression.map} is no program array`);
  const program = programs.at(Number(index));
  if (program === undefined || run.tailCalls >= MOST_TAIL_CALLS) return;
  run.tailCalls += 1;
  throw new TailCall(program);
}
