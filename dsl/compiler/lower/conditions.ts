/** Conditions as control flow: comparisons become branches and are numbers only where a value is asked for. */
import type { Condition, Operand } from '../ir/ir.ts';
import type { CompareOperator, Expression, Type } from '../tree/tree.ts';
import type { OpenBlock } from './builder.ts';
import { lowerOptional, lowerScalar } from './expressions.ts';
import type { Scope } from './scope.ts';
import { branchWhenPresent } from './values.ts';

const SIGNED: Readonly<Record<CompareOperator, Condition>> = {
  eq: 'eq',
  ne: 'ne',
  lt: 'slt',
  le: 'sle',
  gt: 'sgt',
  ge: 'sge',
};
const UNSIGNED: Readonly<Record<CompareOperator, Condition>> = {
  eq: 'eq',
  ne: 'ne',
  lt: 'ult',
  le: 'ule',
  gt: 'ugt',
  ge: 'uge',
};

const flipped = (likely: boolean | undefined): boolean | undefined =>
  likely === undefined ? undefined : !likely;

function comparedAs(type: Type): { readonly width: 32 | 64; readonly signed: boolean } {
  return type.kind === 'int'
    ? { width: type.bits === 64 ? 64 : 32, signed: type.signed }
    : { width: 32, signed: false };
}

/**
 * Evaluates a boolean expression and goes to `whenTrue` or `whenFalse`; the caller seals both. `likely` is the
 * source's word on which way it goes.
 */
export function lowerCondition(
  scope: Scope,
  expression: Expression,
  whenTrue: OpenBlock,
  whenFalse: OpenBlock,
  likely?: boolean,
): void {
  const { builder } = scope;
  const outer = builder.span;
  builder.span = expression.span;
  switch (expression.kind) {
    case 'bool':
      builder.jump(expression.value ? whenTrue : whenFalse);
      break;
    case 'not':
      lowerCondition(scope, expression.operand, whenFalse, whenTrue, flipped(likely));
      break;
    case 'hint':
      lowerCondition(scope, expression.operand, whenTrue, whenFalse, expression.likely);
      break;
    case 'logical':
      lowerLogical(scope, expression, whenTrue, whenFalse, likely);
      break;
    case 'compare': {
      const { width, signed } = comparedAs(expression.left.type);
      const left = lowerScalar(scope, expression.left);
      const right = lowerScalar(scope, expression.right);
      const condition = (signed ? SIGNED : UNSIGNED)[expression.operator];
      builder.branch({ condition, width, left, right }, whenTrue, whenFalse, likely);
      break;
    }
    case 'isPresent':
      branchWhenPresent(scope, lowerOptional(scope, expression.operand), whenTrue, whenFalse, likely);
      break;
    default: {
      const left = lowerScalar(scope, expression);
      builder.branch({ condition: 'ne', width: 32, left, right: 0n }, whenTrue, whenFalse, likely);
    }
  }
  builder.span = outer;
}

/** `a && b` likely holds only if both parts do; that it is unlikely says nothing of either. `||` the other way round. */
function lowerLogical(
  scope: Scope,
  expression: Expression & { kind: 'logical' },
  whenTrue: OpenBlock,
  whenFalse: OpenBlock,
  likely: boolean | undefined,
): void {
  const { builder } = scope;
  const isAnd = expression.operator === 'and';
  const ofParts = likely === isAnd ? likely : undefined;
  const second = builder.newBlock();
  if (isAnd) {
    lowerCondition(scope, expression.left, second, whenFalse, ofParts);
  } else {
    lowerCondition(scope, expression.left, whenTrue, second, ofParts);
  }
  builder.seal(second);
  builder.switchTo(second);
  lowerCondition(scope, expression.right, whenTrue, whenFalse, ofParts);
}

/** A boolean expression as 0 or 1. */
export const conditionAsValue = (scope: Scope, expression: Expression): Operand =>
  branchAsValue(scope, 32, (whenTrue, whenFalse) => lowerCondition(scope, expression, whenTrue, whenFalse));

/** 1 where `branch` goes to its first block, 0 where to its second. */
export function branchAsValue(
  { builder }: Scope,
  width: 32 | 64,
  branch: (whenTrue: OpenBlock, whenFalse: OpenBlock) => void,
): Operand {
  const result = builder.newVariable(width);
  const [whenTrue, whenFalse, join] = [builder.newBlock(), builder.newBlock(), builder.newBlock()];
  branch(whenTrue, whenFalse);
  for (const [block, value] of [
    [whenTrue, 1n],
    [whenFalse, 0n],
  ] as const) {
    builder.seal(block);
    builder.switchTo(block);
    builder.write(result, value);
    builder.jump(join);
  }
  builder.seal(join);
  builder.switchTo(join);
  return builder.read(result);
}
