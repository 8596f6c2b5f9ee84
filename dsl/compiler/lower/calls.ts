/** Calls: of functions, inlined or as BPF subprograms, and of helpers. */
import { helperByName } from '../../machine/helpers.ts';
import { sizeOf } from '../../object/layout.ts';
import type { Operand } from '../ir/ir.ts';
import type { Expression, FunctionTree } from '../tree/tree.ts';
import { countReturns } from '../tree/walk.ts';
import { lowerExpression, lowerReference, lowerScalar } from './expressions.ts';
import { LoweringError, layoutReferredTo, type Scope } from './scope.ts';
import { bindVariable, lowerStatements } from './statements.ts';
import { addressOf, newPlace, readPlace, scalar, type Value, VOID } from './values.ts';

export function lowerCall(scope: Scope, expression: Expression & { kind: 'call' }): Value {
  return expression.function.noinline ? callSubprogram(scope, expression) : inline(scope, expression);
}

/** The value that a body's only `return`, at its very end, gives; undefined for any other shape. */
function onlyReturn(tree: FunctionTree): { readonly value?: Expression } | undefined {
  const returns = countReturns(tree.body);
  if (returns === 0) {
    return tree.returnType.kind === 'void' ? {} : undefined;
  }
  const last = tree.body.at(-1);
  return returns === 1 && last?.kind === 'return' ? last : undefined;
}

function inline(scope: Scope, expression: Expression & { kind: 'call' }): Value {
  const tree = expression.function;
  const values = expression.arguments.map((argument) => lowerExpression(scope, argument));
  for (const [index, parameter] of tree.parameters.entries()) {
    bindVariable(scope, parameter, values[index] ?? VOID);
  }
  const { current, returnTo } = scope;
  scope.current = tree;
  const result = inlineBody(scope, tree);
  scope.current = current;
  scope.returnTo = returnTo;
  return result;
}

function inlineBody(scope: Scope, tree: FunctionTree): Value {
  const { builder } = scope;
  const only = onlyReturn(tree);
  if (only !== undefined) {
    lowerStatements(
      scope,
      tree.body.filter((statement) => statement !== only),
    );
    return only.value === undefined ? VOID : lowerExpression(scope, only.value);
  }
  const block = builder.newBlock();
  const result = newPlace(scope, tree.returnType);
  scope.returnTo = { kind: 'inline', block, result };
  lowerStatements(scope, tree.body);
  if (builder.reachable) {
    builder.jump(block);
  }
  builder.seal(block);
  builder.switchTo(block);
  return readPlace(scope, result);
}

/** Arguments of a subprogram are scalars in r1 to r5, its result a 64-bit r0. */
function callSubprogram(scope: Scope, expression: Expression & { kind: 'call' }): Value {
  const { builder } = scope;
  const name = scope.subprogram(expression.function);
  const operands = expression.arguments.map((argument) => lowerScalar(scope, argument));
  const call = { op: 'call', function: name, arguments: operands } as const;
  const { type } = expression;
  if (type.kind === 'void') {
    builder.emitEffect(call);
    return VOID;
  }
  const result = builder.emit(call, 64);
  return scalar(type.kind === 'int' && type.bits === 64 ? result : builder.trunc(result));
}

export function lowerHelper(scope: Scope, expression: Expression & { kind: 'helper' }): Value {
  const { builder } = scope;
  const row = helperByName.get(expression.name);
  if (row === undefined) {
    throw new LoweringError(expression.span, `the helper table has no ${expression.name}`);
  }
  const given = expression.arguments.slice();
  const take = (): Expression => {
    const next = given.shift();
    if (next === undefined) {
      throw new LoweringError(expression.span, `${expression.name} has too few arguments`);
    }
    return next;
  };
  let size = 0n;
  const operands = row.arguments.map((kind): Operand => {
    if (kind === 'size') {
      return size;
    }
    const argument = take();
    if (kind !== 'ref') {
      return lowerScalar(scope, argument);
    }
    size = BigInt(sizeOf(layoutReferredTo(argument)));
    return addressOf(scope, lowerReference(scope, argument));
  });
  const helper = {
    op: 'helper',
    id: row.id,
    name: row.kernelName,
    arguments: operands,
    invalidatesPacket: row.invalidatesPacket === true,
    pure: row.pure === true,
  } as const;
  if (row.returns === 'void') {
    builder.emitEffect(helper);
    return VOID;
  }
  const result = builder.emit(helper, 64);
  return scalar(row.returns === 'u32' ? builder.trunc(result) : result);
}
