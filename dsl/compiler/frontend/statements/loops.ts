/** `for`, `while`, `do` and `for..of` over a range. */
import { ts } from 'ts-morph';
import { diagnostic } from '../../diagnostics/diagnostic.ts';
import type { Expression, Statement, Variable } from '../../tree/tree.ts';
import { arithmetic, compare } from '../expressions/integers.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';
import { literal, typedLiteral } from '../types/literals.ts';
import { fits, highest, lowest, U32 } from '../types/types.ts';
import { effect } from './assign.ts';
import { labelOf } from './branches.ts';
import { isEndless, isLeft, leavingBody } from './completion.ts';
import { declarations } from './declare.ts';

type Loop = Extract<Statement, { kind: 'loop' }>;
type Repeat = Extract<Statement, { kind: 'repeat' }>;

/** Rounds of a range that the verifier still walks; bpf_loop runs longer ones. */
const LONGEST_WALK = 1000n;
/** More rounds than the verifier will ever walk. */
const LARGEST_COUNT = 1n << 23n;

const body = (scope: Scope, node: ts.IterationStatement): Statement =>
  scope.block(scope.statements([node.statement]), node.statement);

/** Whether a condition is one of those that all values of a type meet, such as `i >= 0` of a u32. */
function alwaysHolds(condition: Expression | undefined): boolean {
  if (condition?.kind !== 'compare') return false;
  const { operator, left, right } = condition;
  const isLeast = (node: Expression): boolean =>
    node.kind === 'int' && node.type.kind === 'int' && node.value === lowest(node.type);
  const isMost = (node: Expression): boolean =>
    node.kind === 'int' && node.type.kind === 'int' && node.value === highest(node.type);
  if (operator === 'ge') return isLeast(right) || isMost(left);
  return operator === 'le' && (isMost(right) || isLeast(left));
}

/** Refuses a loop that nothing ends. */
function finished(scope: Scope, loop: Loop, node: ts.Node): Statement[] {
  const isUnended = isEndless(loop) || alwaysHolds(loop.condition);
  if (isUnended && !isLeft(loop) && !scope.session.unproven) scope.refuse('N4002', node);
  return [loop];
}

/** The integer that an expression is known to be. */
function constantOf(scope: Scope, node: Expression): bigint | undefined {
  if (node.kind === 'int') return node.value;
  if (node.kind === 'convert') return constantOf(scope, node.operand);
  return node.kind === 'variable' ? scope.session.constants.get(node.variable) : undefined;
}

const assigns = (statement: Statement, variable: Variable): boolean => {
  switch (statement.kind) {
    case 'assign':
      return statement.variable === variable;
    case 'block':
      return statement.body.some((part) => assigns(part, variable));
    case 'if':
      return (
        assigns(statement.whenTrue, variable) ||
        (statement.whenFalse !== undefined && assigns(statement.whenFalse, variable))
      );
    case 'switch':
      return (
        statement.cases.some((one) => assigns(one.body, variable)) ||
        (statement.otherwise !== undefined && assigns(statement.otherwise, variable))
      );
    case 'loop':
      return [...statement.initial, ...statement.update, statement.body].some((part) =>
        assigns(part, variable),
      );
    case 'repeat':
      return assigns(statement.body, variable);
    default:
      return false;
  }
};

const isVariable = (node: Expression, variable: Variable): boolean =>
  node.kind === 'variable'
    ? node.variable === variable
    : node.kind === 'convert' && isVariable(node.operand, variable);

/** The number of rounds of `for (let i = 0; i < N; i += step)` whose body leaves `i` alone. */
function countTrips(scope: Scope, loop: Loop): Loop['trips'] {
  const [start, ...moreStarts] = loop.initial;
  const [update, ...moreUpdates] = loop.update;
  const { condition } = loop;
  if (start?.kind !== 'declare' || update?.kind !== 'assign' || condition?.kind !== 'compare')
    return undefined;
  const counter = start.variable;
  const first = constantOf(scope, start.value);
  const limit = constantOf(scope, condition.right);
  const value = update.value.kind === 'convert' ? update.value.operand : update.value;
  if (moreStarts.length > 0 || moreUpdates.length > 0 || first !== 0n || limit === undefined)
    return undefined;
  if (update.variable !== counter || value.kind !== 'arithmetic' || value.operator !== 'add')
    return undefined;
  const step = constantOf(scope, value.right);
  if (!isVariable(value.left, counter) || !isVariable(condition.left, counter)) return undefined;
  if (step === undefined || step <= 0n || assigns(loop.body, counter)) return undefined;
  if (counter.type.kind !== 'int') return undefined;
  const end = condition.operator === 'lt' ? limit : condition.operator === 'le' ? limit + 1n : undefined;
  // A counter that wraps before it reaches the end never ends the loop.
  if (end === undefined || end > LARGEST_COUNT || !fits(end - 1n + step, counter.type)) return undefined;
  return { counter, count: end <= 0n ? 0 : Number((end + step - 1n) / step) };
}

export function forLoop(scope: Scope, node: ts.ForStatement): Statement[] {
  const initial = node.initializer
    ? ts.isVariableDeclarationList(node.initializer)
      ? declarations(scope, node.initializer)
      : effect(scope, node.initializer)
    : [];
  const loop: Loop = {
    kind: 'loop',
    ...labelOf(node),
    initial,
    ...(node.condition ? { condition: scope.condition(node.condition) } : {}),
    body: body(scope, node),
    update: node.incrementor ? effect(scope, node.incrementor) : [],
    postTest: false,
    span: scope.span(node),
  };
  const trips = countTrips(scope, loop);
  return finished(scope, trips ? { ...loop, trips } : loop, node);
}

export function whileLoop(scope: Scope, node: ts.WhileStatement | ts.DoStatement): Statement[] {
  const condition = scope.condition(node.expression);
  const postTest = ts.isDoStatement(node);
  const span = scope.span(node);
  return finished(
    scope,
    {
      kind: 'loop',
      ...labelOf(node),
      initial: [],
      condition,
      body: body(scope, node),
      update: [],
      postTest,
      span,
    },
    node,
  );
}

/** The count of `range(count)`, a u32. */
function rangeCount(scope: Scope, node: ts.Expression): Expression {
  if (!ts.isCallExpression(node)) return scope.refuse('N4004', node);
  const callee = scope.entity(node.expression);
  const [argument] = node.arguments;
  if (callee.kind !== 'intrinsic' || callee.name !== 'range' || argument === undefined)
    return scope.refuse('N4004', node);
  return convertTo(scope.session, scope.value(argument), U32, argument);
}

/** Also where control never comes: the lowering knows no place for such a jump. */
function checkJumps(scope: Scope, loop: Repeat): void {
  for (const statement of leavingBody(loop))
    if (statement.kind !== 'return') {
      const jump = `${statement.kind} ${statement.label}`;
      scope.session.report(diagnostic('N4007', statement.span, { jump }));
    }
}

export function forOf(scope: Scope, node: ts.ForOfStatement): Statement[] {
  const rounds = rangeCount(scope, node.expression);
  const name = ts.isVariableDeclarationList(node.initializer)
    ? node.initializer.declarations[0]?.name
    : undefined;
  if (name === undefined || !ts.isIdentifier(name)) return scope.refuse('N4004', node.initializer);
  const counter = scope.variable(name, U32);
  const span = scope.span(node.expression);
  const count = constantOf(scope, rounds);
  if (count === undefined || count > LONGEST_WALK) {
    const repeated = body(scope, node);
    const constant = count === undefined ? {} : { constant: Number(count) };
    const loop: Repeat = {
      kind: 'repeat',
      ...labelOf(node),
      counter,
      count: rounds,
      ...constant,
      body: repeated,
      span: scope.span(node),
    };
    checkJumps(scope, loop);
    return [loop];
  }
  const current = scope.use(counter, name);
  const loop: Loop = {
    kind: 'loop',
    ...labelOf(node),
    initial: [{ kind: 'declare', variable: counter, value: typedLiteral(0n, U32, span), span }],
    condition: compare(scope, 'lt', '<', current, literal(count, false, span), node.expression),
    body: body(scope, node),
    update: [
      {
        kind: 'assign',
        variable: counter,
        value: arithmetic(scope, 'add', '+', current, literal(1n, false, span), node.expression),
        span,
      },
    ],
    postTest: false,
    span: scope.span(node),
  };
  if (assigns(loop.body, counter)) return [loop];
  return [{ ...loop, trips: { counter, count: Number(count) } }];
}
