/** One run of one program: what expressions and statements work on. */
import type { Expression, FunctionTree, Span, Statement, Variable } from '../compiler/tree/tree.ts';
import type { Machine } from '../machine/call.ts';
import type { ModelMap } from '../machine/maps.ts';
import type { Packet } from '../machine/packet.ts';
import type { RingBuffer } from '../machine/ring-buffer.ts';
import type { SectionImage } from '../object/image.ts';
import { InterpreterError, type Value } from './values.ts';

/** Which way control went: a condition's value, or the switch case by its place in the source. */
export type Way = 'true' | 'false' | 'default' | number;

/** Called as the program runs, for traces and coverage. */
export interface Hooks {
  /** Before a statement. */
  readonly statement?: (statement: Statement, inside: FunctionTree) => void;
  /** A variable has this value from now on. */
  readonly assigned?: (variable: Variable, value: Value, span: Span) => void;
  /** An integer was stored in memory or in a field of the context. */
  readonly stored?: (statement: Statement & { kind: 'store' | 'storeContext' }, value: bigint) => void;
  /** A function ended with this value. */
  readonly returned?: (statement: Statement & { kind: 'return' }, value: Value) => void;
  /** A condition or a switch was decided; `at` is what was decided on. */
  readonly branch?: (at: Expression, way: Way) => void;
}

/** Where `__seams` lies (see `InterpreterOptions.seams`). */
export interface SeamsPlace {
  readonly section: Uint8Array;
  /** Bytes from the start of the section. */
  readonly offset: number;
}

/** How a statement ended: by going on, or by a jump that something around it takes. */
export type Completion =
  | 'normal'
  | 'break'
  | 'continue'
  | { readonly jump: 'break' | 'continue'; readonly label: string }
  | { readonly value: Value };

export interface Run {
  /** Runs a function's statements: a call is an expression, so expressions need the statements' meaning. */
  readonly execute: (frame: Frame, statements: readonly Statement[]) => Completion;
  readonly machine: Machine;
  readonly packet: Packet;
  readonly maps: ReadonlyMap<string, ModelMap>;
  readonly sections: ReadonlyMap<SectionImage['name'], Uint8Array>;
  /** Absent when clocks and randomness come from the machine. */
  readonly seams: SeamsPlace | undefined;
  readonly hooks: Hooks;
  /** By variable id. Functions never recurse, so that one place a variable is enough. */
  readonly variables: Map<number, Value>;
  /** Records of ring buffers that are neither submitted nor discarded, with their buffers. */
  readonly reserved: Map<Uint8Array, RingBuffer>;
  /** Programs that have taken over so far. */
  tailCalls: number;
  /** Statements that may still run. */
  stepsLeft: number;
}

/** One activation of a function. */
export interface Frame {
  readonly run: Run;
  readonly function: FunctionTree;
  /** `stack(layout)` memory by slot: each evaluation zeroes it anew. */
  readonly stack: Map<number, Uint8Array>;
}

/** Counts a statement or a round of a loop. */
export function step(run: Run, span: Span): void {
  if (run.stepsLeft-- <= 0)
    throw new InterpreterError(span, 'the program has run more statements than its step limit');
}

export function assign(run: Run, variable: Variable, value: Value, span: Span): void {
  run.variables.set(variable.id, value);
  run.hooks.assigned?.(variable, value, span);
}
