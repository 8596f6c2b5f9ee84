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

/** Where a part waits until the others have come as far, or to their end. Later ones are passed. */
export interface Gate {
  readonly kind: 'gate';
}

interface Parts {
  readonly kind: 'parts';
  readonly parts: readonly Work<void>[];
}

export type Step = LongCall | Gate | Parts;

/** Work in steps, each of which gives a number; gates and parts give 0. */
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

/** Does all of it before it returns. */
export function inTurn<T>(work: Work<T>): T {
  let step = work.next(0);
  while (!step.done) step = work.next(perform(step.value));
  return step.value;
}

function perform(step: Step): number {
  if (step.kind === 'call') return syscall(step.name, ...step.args);
  if (step.kind === 'parts') for (const part of behindTheGate(step.parts)) inTurn(part);
  return 0;
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
      // A part alone has nothing to go on with meanwhile.
      if (parts.length > 1) await Promise.all(parts.map(besideOthers));
      else parts.forEach(inTurn);
      step = work.next(0);
    } else step = work.next(perform(step.value));
  }
  return step.value;
}

async function besideOthers(part: Work<void>): Promise<void> {
  let step = part.next(0);
  while (!step.done) {
    const { value } = step;
    step = part.next(
      value.kind === 'call' ? await syscallInThread(value.name, value.args, value.memory) : perform(value),
    );
  }
}
