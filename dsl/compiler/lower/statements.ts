/** Statements: control flow into blocks, assignments into SSA definitions. */
import type { Statement, Variable } from '../tree/tree.ts';
import { lowerCondition } from './conditions.ts';
import { lowerStoreContext } from './context.ts';
import { lowerExpression, lowerReference, lowerScalar } from './expressions.ts';
import { lowerLoop } from './loops.ts';
import { storeInteger } from './memory.ts';
import { giveBack, lowerRepeat } from './repeat.ts';
import { isPlace, type Jumps, LoweringError, type Scope } from './scope.ts';
import { newPlace, readPlace, toLeaves, type Value, writePlace } from './values.ts';

/** Lowers statements in order, up to where control can't go on. */
export function lowerStatements(scope: Scope, statements: readonly Statement[]): void {
  for (const statement of statements) {
    if (!scope.builder.reachable) {
      return;
    }
    lowerStatement(scope, statement);
  }
}

/** Declares a variable: a constant is its value, one that is assigned later becomes SSA variables. */
export function bindVariable(scope: Scope, variable: Variable, value: Value): void {
  if (!scope.assigned.has(variable.id)) {
    scope.variables.set(variable.id, value);
    return;
  }
  const known = scope.variables.get(variable.id);
  const place = known !== undefined && isPlace(known) ? known : newPlace(scope, variable.type);
  scope.variables.set(variable.id, place);
  writePlace(scope, place, value);
}

function assign(scope: Scope, statement: Statement & { kind: 'assign' | 'assignField' }): void {
  const { variable } = statement;
  const value = lowerExpression(scope, statement.value);
  const place = scope.variables.get(variable.id);
  if (place === undefined || !isPlace(place)) {
    throw new LoweringError(statement.span, `${variable.name} is assigned before its declaration`);
  }
  if (statement.kind === 'assign') {
    writePlace(scope, place, value);
    return;
  }
  const before = readPlace(scope, place);
  writePlace(scope, place, withField(before, statement.path, value));
}

/** The record with the field at `path` replaced. */
function withField(record: Value, path: readonly string[], value: Value): Value {
  const [name, ...rest] = path;
  if (name === undefined || record.kind !== 'record') {
    return value;
  }
  const fields = new Map(record.fields);
  const inner = fields.get(name);
  fields.set(name, inner === undefined ? value : withField(inner, rest, value));
  return { kind: 'record', fields };
}

function lowerIf(scope: Scope, statement: Statement & { kind: 'if' }): void {
  const { builder } = scope;
  const [whenTrue, join] = [builder.newBlock(), builder.newBlock()];
  const whenFalse = statement.whenFalse === undefined ? join : builder.newBlock();
  lowerCondition(scope, statement.condition, whenTrue, whenFalse);
  for (const [block, body] of [
    [whenTrue, statement.whenTrue],
    [whenFalse, statement.whenFalse],
  ] as const) {
    if (body !== undefined) {
      builder.seal(block);
      builder.switchTo(block);
      lowerStatement(scope, body);
      if (builder.reachable) {
        builder.jump(join);
      }
    }
  }
  builder.seal(join);
  continueAt(scope, join);
}

/** Goes on at `join`, or marks what follows as unreachable when nothing leads there. */
export function continueAt(scope: Scope, join: ReturnType<Scope['builder']['newBlock']>): void {
  if (join.incoming.length > 0) {
    scope.builder.switchTo(join);
  }
}

/** A chain of comparisons, in the order of the source. */
function lowerSwitch(scope: Scope, statement: Statement & { kind: 'switch' }): void {
  const { builder } = scope;
  const on = lowerScalar(scope, statement.on);
  const { type } = statement.on;
  const width = type.kind === 'int' && type.bits === 64 ? 64 : 32;
  const join = builder.newBlock();
  const bodies = statement.cases.map(({ values, body }) => {
    const block = builder.newBlock();
    for (const value of values) {
      const next = builder.newBlock();
      const right = BigInt.asUintN(width, value);
      builder.branch({ condition: 'eq', width, left: on, right }, block, next);
      builder.seal(next);
      builder.switchTo(next);
    }
    builder.seal(block);
    return { block, body };
  });
  scope.jumps.push({ label: statement.label, breakTo: join });
  if (statement.otherwise !== undefined) {
    lowerStatement(scope, statement.otherwise);
  }
  if (builder.reachable) {
    builder.jump(join);
  }
  for (const { block, body } of bodies) {
    builder.switchTo(block);
    lowerStatement(scope, body);
    if (builder.reachable) {
      builder.jump(join);
    }
  }
  scope.jumps.pop();
  builder.seal(join);
  continueAt(scope, join);
}

function lowerReturn(scope: Scope, statement: Statement & { kind: 'return' }): void {
  const value = statement.value === undefined ? undefined : lowerExpression(scope, statement.value);
  giveBack(scope, value === undefined ? [] : toLeaves(scope, value), statement.span);
}

function lowerJump(scope: Scope, statement: Statement & { kind: 'break' | 'continue' }): void {
  const { kind, label } = statement;
  const to = kind === 'break' ? 'breakTo' : 'continueTo';
  const isMeant = (jumps: Jumps): boolean => label === undefined || jumps.label === label;
  const target = scope.jumps.findLast((jumps) => jumps[to] !== undefined && isMeant(jumps))?.[to];
  if (target === undefined) {
    throw new LoweringError(statement.span, `a ${kind} outside a loop`);
  }
  scope.builder.jump(target);
}

export function lowerStatement(scope: Scope, statement: Statement): void {
  const { builder } = scope;
  const outer = builder.span;
  builder.span = statement.span;
  switch (statement.kind) {
    case 'declare':
      bindVariable(scope, statement.variable, lowerExpression(scope, statement.value));
      break;
    case 'assign':
    case 'assignField':
      assign(scope, statement);
      break;
    case 'store': {
      const to = lowerReference(scope, statement.to);
      storeInteger(scope, to, statement.layout, lowerScalar(scope, statement.value));
      break;
    }
    case 'storeContext':
      lowerStoreContext(scope, statement);
      break;
    case 'expression':
      lowerExpression(scope, statement.expression);
      break;
    case 'block':
      lowerStatements(scope, statement.body);
      break;
    case 'if':
      lowerIf(scope, statement);
      break;
    case 'loop':
      lowerLoop(scope, statement);
      break;
    case 'repeat':
      lowerRepeat(scope, statement);
      break;
    case 'switch':
      lowerSwitch(scope, statement);
      break;
    case 'return':
      lowerReturn(scope, statement);
      break;
    case 'break':
    case 'continue':
      lowerJump(scope, statement);
      break;
  }
  builder.span = outer;
}
