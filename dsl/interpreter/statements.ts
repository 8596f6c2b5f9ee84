/** Statements, and how each may end. */
import type { Statement } from '../compiler/tree/tree.ts';
import { condition, evaluate, integer, reference } from './expressions.ts';
import { store } from './memory.ts';
import { assign, type Completion, type Frame, step } from './run.ts';
import { describe, InterpreterError, isRecord, type RecordValue, type Value } from './values.ts';

/** Runs statements in order, up to the first that doesn't go on. */
export function execute(frame: Frame, statements: readonly Statement[]): Completion {
  for (const statement of statements) {
    const completion = executeOne(frame, statement);
    if (completion !== 'normal') return completion;
  }
  return 'normal';
}

/** The record with the field at `path` replaced. */
function withField(record: Value, path: readonly string[], value: Value, statement: Statement): RecordValue {
  const [name, ...rest] = path;
  if (name === undefined || !isRecord(record) || !Object.hasOwn(record, name)) {
    throw new InterpreterError(statement.span, `${describe(record)} has no field ${name ?? 'of that name'}`);
  }
  const field = rest.length === 0 ? value : withField(record[name], rest, value, statement);
  return { ...record, [name]: field };
}

/** How the body of a loop or of a switch ended: a jump that names its label is one of its own. */
function executeBody(frame: Frame, body: Statement, label: string | undefined): Completion {
  const completion = executeOne(frame, body);
  const isOwn = typeof completion === 'object' && 'jump' in completion && completion.label === label;
  return isOwn ? completion.jump : completion;
}

function executeLoop(frame: Frame, loop: Statement & { kind: 'loop' }): Completion {
  const goesOn = (): boolean => loop.condition === undefined || condition(frame, loop.condition);
  const started = execute(frame, loop.initial);
  if (started !== 'normal') return started;
  if (!loop.postTest && !goesOn()) return 'normal';
  do {
    step(frame.run, loop.span);
    const completion = executeBody(frame, loop.body, loop.label);
    if (completion === 'break') return 'normal';
    if (typeof completion === 'object') return completion;
    execute(frame, loop.update);
  } while (goesOn());
  return 'normal';
}

/** BPF_MAX_LOOPS, include/linux/bpf.h: of more rounds the kernel runs none. */
const MOST_ROUNDS = 1n << 23n;

function executeRepeat(frame: Frame, loop: Statement & { kind: 'repeat' }): Completion {
  const count = integer(frame, loop.count);
  for (let round = 0n; count <= MOST_ROUNDS && round < count; round += 1n) {
    step(frame.run, loop.span);
    assign(frame.run, loop.counter, round, loop.span);
    const completion = executeBody(frame, loop.body, loop.label);
    if (completion === 'break') return 'normal';
    if (typeof completion === 'object') return completion;
  }
  return 'normal';
}

function executeSwitch(frame: Frame, statement: Statement & { kind: 'switch' }): Completion {
  const on = integer(frame, statement.on);
  const index = statement.cases.findIndex(({ values }) => values.includes(on));
  const body = index < 0 ? statement.otherwise : statement.cases[index]?.body;
  frame.run.hooks.branch?.(statement.on, index < 0 ? 'default' : index);
  const completion = body === undefined ? 'normal' : executeBody(frame, body, statement.label);
  return completion === 'break' ? 'normal' : completion;
}

function executeOne(frame: Frame, statement: Statement): Completion {
  const { run } = frame;
  const { span } = statement;
  if (statement.kind !== 'block') {
    step(run, span);
    run.hooks.statement?.(statement, frame.function);
  }
  switch (statement.kind) {
    case 'declare':
    case 'assign':
      assign(run, statement.variable, evaluate(frame, statement.value), span);
      return 'normal';
    case 'assignField': {
      const value = evaluate(frame, statement.value);
      const record = run.variables.get(statement.variable.id);
      assign(run, statement.variable, withField(record, statement.path, value, statement), span);
      return 'normal';
    }
    case 'store': {
      const to = reference(frame, statement.to);
      const value = integer(frame, statement.value);
      store(to, statement.layout, value, run.packet, span);
      run.hooks.stored?.(statement, value);
      return 'normal';
    }
    case 'storeContext': {
      const value = integer(frame, statement.value);
      run.packet.set(statement.name, value);
      run.hooks.stored?.(statement, value);
      return 'normal';
    }
    case 'expression':
      evaluate(frame, statement.expression);
      return 'normal';
    case 'block':
      return execute(frame, statement.body);
    case 'if':
      if (condition(frame, statement.condition)) return executeOne(frame, statement.whenTrue);
      return statement.whenFalse === undefined ? 'normal' : executeOne(frame, statement.whenFalse);
    case 'loop':
      return executeLoop(frame, statement);
    case 'repeat':
      return executeRepeat(frame, statement);
    case 'switch':
      return executeSwitch(frame, statement);
    case 'break':
    case 'continue':
      return statement.label === undefined
        ? statement.kind
        : { jump: statement.kind, label: statement.label };
    case 'return': {
      const value = statement.value && evaluate(frame, statement.value);
      run.hooks.returned?.(statement, value);
      return { value };
    }
  }
}
