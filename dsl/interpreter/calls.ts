/** Calls of functions and helpers, clocks and randomness. */
import type { Expression, FunctionTree, Span } from '../compiler/tree/tree.ts';
import { callHelper } from '../machine/call.ts';
import { helperByName } from '../machine/helpers.ts';
import type { IntLayout } from '../object/layout.ts';
import { readInteger, viewOf, writeInteger } from './memory.ts';
import { assign, type Run } from './run.ts';
import { expectInteger, expectReference, InterpreterError, type Value } from './values.ts';

/** Runs a function on its arguments; `undefined` where it ends without `return`. */
export function invoke(run: Run, tree: FunctionTree, values: readonly Value[], span: Span): Value {
  tree.parameters.forEach((parameter, index) => {
    assign(run, parameter, values[index], span);
  });
  const completion = run.execute({ run, function: tree, stack: new Map() }, tree.body);
  return typeof completion === 'object' && 'value' in completion ? completion.value : undefined;
}

export function callFunction(
  run: Run,
  expression: Expression & { kind: 'call' },
  values: readonly Value[],
): Value {
  const value = invoke(run, expression.function, values, expression.span);
  if (value === undefined && expression.type.kind === 'int') {
    throw new InterpreterError(expression.span, `${expression.function.name} ended without a result`);
  }
  return value;
}

/** A helper of the table: references become the memory they refer to, the result takes its type. */
export function callHelperRow(
  run: Run,
  expression: Expression & { kind: 'helper' },
  values: readonly Value[],
): Value {
  const { name, span } = expression;
  const row = helperByName.get(name);
  if (row === undefined) throw new InterpreterError(span, `the helper table has no ${name}`);
  const scalars: bigint[] = [];
  const memory: Uint8Array[] = [];
  // `size` has no argument of its own: the view has it.
  const kinds = row.arguments.filter((kind) => kind !== 'size');
  kinds.forEach((kind, index) => {
    if (kind === 'u32' || kind === 'i32' || kind === 'u64') scalars.push(expectInteger(values[index], span));
    if (kind === 'ref') memory.push(viewOf(expectReference(values[index], span), run.packet, span));
  });
  const result = callHelper(run.machine, name, { scalars, memory });
  switch (row.returns) {
    case 'void':
      return undefined;
    case 'u32':
      return BigInt.asUintN(32, result);
    case 'u64':
      return BigInt.asUintN(64, result);
    case 'i64':
      return BigInt.asIntN(64, result);
  }
}

const U64: IntLayout = { kind: 'int', bits: 64, signed: false, order: 'little' };
const U32: IntLayout = { kind: 'int', bits: 32, signed: false, order: 'little' };

/** The fields of `__seams`, in bytes from its start. */
const SEAM = { now: 0, coarse: 8, ticks: 16, random: 24 } as const;

/** ns, or ticks. */
export function readClock(run: Run, which: 'now' | 'coarse' | 'ticks'): bigint {
  const { clock } = run.machine;
  if (run.seams === undefined) return which === 'ticks' ? clock.jiffies : clock[which];
  const at = run.seams.offset + SEAM[which];
  return readInteger(run.seams.section.subarray(at, at + 8), U64);
}

/** 32 bits. In memory the state is the next number, and steps as Numerical Recipes' generator does. */
export function readRandom(run: Run): bigint {
  if (run.seams === undefined) return BigInt(run.machine.random.next());
  const at = run.seams.offset + SEAM.random;
  const state = run.seams.section.subarray(at, at + 4);
  const value = readInteger(state, U32);
  writeInteger(state, U32, value * 1_664_525n + 1_013_904_223n);
  return value;
}
