/**
 * Work that is written once and can be done in two ways: all in the calling thread, or with the system calls that take long
 * in threads beside it while other parts of the work go on. Either way the parts begin in the same order.
 */
import type { Region } from './arena.ts';
import { type SyscallName, syscall, syscallInThread } from './syscall.ts';

/** A system call that may take long. The step gives its result: a value from 0, or `-errno`. */
export interface LongCall {
  readonly kind: 'call';
  readonly name: SyscallName;
  readonly args: readonly number[];
  /** What the arguments point to. */
  readonly memory: Region;
}

/** Begins a call and goes on. Whoever takes the same call as a step later has its result, and waits for it where need be. */
export interface Begin {
  readonly kind: 'begin';
  readonly call: LongCall;
}

/** Where a part waits until the others have come as far, or to their end. Later ones are passed. */
export interface Gate {
  readonly kind: 'gate';
}

interface Parts {
  readonly kind: 'parts';
  readonly parts: readonly Work<void>[];
}

export type Step = LongCall | Begin | Gate | Parts;

/** Work in steps, each of which gives a number; all but calls give 0. */
export type Work<T> = Generator<Step, T, number>;

/**
 * Does several things whose long calls need not wait for each other. All of them come to their end; then the first error of any
 * is thrown.
 */
export function* together(parts: readonly Work<void>[]): Work<void> {
  const errors: unknown[] = [];
  yield { kind: 'parts', parts: parts.map((part) => catching(part, errors)) };
  if (errors.length > 0) throw errors[0];
}

function* catching(part: Work<void>, errors: unknown[]): Work<void> {
  try {
    yield* part;
  } catch (error) {
    errors.push(error);
  }
}

/**
 * Does the work, and what blocks the calling thread while the first long call is under way in another one. Where `blocking` throws,
 * the work comes to its end nevertheless.
 */
export function* besideBlocking<T>(work: Work<T>, blocking: () => void): Work<T> {
  let step = work.next(0);
  while (!step.done && step.value.kind !== 'call') step = work.next(yield step.value);
  if (!step.done && step.value.kind === 'call') yield { kind: 'begin', call: step.value };
  try {
    blocking();
  } finally {
    while (!step.done) step = work.next(yield step.value);
  }
  return step.value;
}

/** Does all of it before it returns. */
export function inTurn<T>(work: Work<T>): T {
  let step = work.next(0);
  while (!step.done) step = work.next(perform(step.value));
  return step.value;
}

/** Results of calls that were begun before they were asked for. */
const begun = new WeakMap<LongCall, number | Promise<number>>();

function perform(step: Step): number {
  if (step.kind === 'call') return performCall(step);
  if (step.kind === 'begin') begun.set(step.call, performCall(step.call));
  if (step.kind === 'parts') for (const part of behindTheGate(step.parts)) inTurn(part);
  return 0;
}

function performCall(call: LongCall): number {
  const result = begun.get(call);
  return typeof result === 'number' ? result : syscall(call.name, ...call.args);
}

/** Takes each part to its first gate and gives those that have come to one. */
const behindTheGate = (parts: readonly Work<void>[]): Work<void>[] =>
  parts.filter((part) => {
    let step = part.next(0);
    while (!step.done && step.value.kind !== 'gate') step = part.next(perform(step.value));
    return !step.done;
  });

/** The same, with the long calls of parts in threads. */
export async function inThreads<T>(work: Work<T>): Promise<T> {
  let step = work.next(0);
  while (!step.done) {
    if (step.value.kind === 'parts') {
      const parts = behindTheGate(step.value.parts);
      // A part alone has nothing to go on with while it waits.
      const hasOthers = parts.length > 1;
      await Promise.all(parts.map((part) => besideOthers(part, hasOthers)));
      step = work.next(0);
    } else step = work.next(perform(step.value));
  }
  return step.value;
}

async function besideOthers(part: Work<void>, hasOthers: boolean): Promise<void> {
  let step = part.next(0);
  while (!step.done) {
    const { value } = step;
    if (value.kind === 'begin') {
      begun.set(value.call, inThread(value.call));
      step = part.next(0);
    } else if (value.kind === 'call' && (hasOthers || begun.has(value)))
      step = part.next(await (begun.get(value) ?? inThread(value)));
    else step = part.next(perform(value));
  }
}

const inThread = ({ name, args, memory }: LongCall): Promise<number> => syscallInThread(name, args, memory);
