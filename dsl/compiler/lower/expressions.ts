/** Expressions: one case a kind, the larger ones in files of their own. */
import type { BinaryOperator, Operand } from '../ir/ir.ts';
import { unsigned } from '../passes/arithmetic.ts';
import { inSourceOrder } from '../tree/order.ts';
import type { Expression, IntType, RefType, Type } from '../tree/tree.ts';
import { lowerCall, lowerHelper } from './calls.ts';
import { conditionAsValue, lowerCondition } from './conditions.ts';
import { lowerContextField, lowerLinearLength, lowerPacketAt } from './context.ts';
import { lowerMapDelete, lowerMapLookup, lowerMapUpdate } from './maps.ts';
import { lowerAtomic, lowerElement, lowerLoad, lowerStack } from './memory.ts';
import { lowerOutput, lowerReserve, lowerSettle } from './rings.ts';
import { isPlace, LoweringError, regionOf, type Scope } from './scope.ts';
import { lowerClock, lowerRandom } from './seams.ts';
import { lowerLocked, lowerTailCall } from './transfers.ts';
import {
  newPlace,
  type OptionalValue,
  optionalPointer,
  type ReferenceValue,
  readPlace,
  scalar,
  type Value,
  writePlace,
} from './values.ts';

/** Lowers an expression at the builder's place; what it emits has the expression's span. */
export function lowerExpression(scope: Scope, expression: Expression): Value {
  const outer = scope.builder.span;
  scope.builder.span = expression.span;
  const value = lowerKind(scope, expression);
  scope.builder.span = outer;
  return value;
}

/** Lowers an expression that is one scalar. */
export function lowerScalar(scope: Scope, expression: Expression): Operand {
  const value = lowerExpression(scope, expression);
  if (value.kind !== 'scalar') {
    throw new LoweringError(expression.span, `a ${value.kind} where a scalar is needed`);
  }
  return value.operand;
}

/** Lowers an expression that is a reference which is surely there. */
export function lowerReference(scope: Scope, expression: Expression): ReferenceValue {
  const value = lowerExpression(scope, expression);
  if (value.kind !== 'reference') {
    throw new LoweringError(expression.span, `a ${value.kind} where a reference is needed`);
  }
  return value;
}

/** Lowers an expression that is a reference or `undefined`. */
export function lowerOptional(scope: Scope, expression: Expression): OptionalValue {
  const value = lowerExpression(scope, expression);
  if (value.kind === 'reference') {
    return { kind: 'optional', reference: value, presentWhen: [] };
  }
  if (value.kind !== 'optional') {
    throw new LoweringError(expression.span, `a ${value.kind} where an optional reference is needed`);
  }
  return value;
}

/** Integers up to 32 bits lie in 32-bit values, extended by their signedness; so most conversions are free. */
export function convert(scope: Scope, operand: Operand, from: IntType, to: IntType): Operand {
  const { builder } = scope;
  if (to.bits === 64) {
    if (from.bits === 64) {
      return operand;
    }
    return from.signed ? builder.sext(32, 64, operand) : builder.zext(operand);
  }
  const low = from.bits === 64 ? builder.trunc(operand) : operand;
  const kept =
    to.bits > from.bits ? !(from.signed && !to.signed) : to.bits === from.bits && to.signed === from.signed;
  if (to.bits === 32 || kept) {
    return low;
  }
  return to.signed ? builder.sext(to.bits, 32, low) : builder.mask(to.bits, low);
}

/** A bool is 0 or 1, so that no conversion of one needs a mask. */
const BOOL: IntType = { kind: 'int', bits: 8, signed: false };

function typeAsInt(type: Type): IntType {
  return type.kind === 'int' ? type : BOOL;
}

function operatorFor(
  operator: (Expression & { kind: 'arithmetic' })['operator'],
  signed: boolean,
): BinaryOperator {
  switch (operator) {
    case 'div':
      return signed ? 'sdiv' : 'udiv';
    case 'mod':
      return signed ? 'smod' : 'umod';
    case 'shr':
      return signed ? 'ashr' : 'lshr';
    default:
      return operator;
  }
}

function lowerArithmetic(scope: Scope, expression: Expression & { kind: 'arithmetic' }): Value {
  const { type } = expression;
  const width = type.bits === 64 ? 64 : 32;
  const left = lowerScalar(scope, expression.left);
  const right = lowerScalar(scope, expression.right);
  return scalar(scope.builder.binary(operatorFor(expression.operator, type.signed), width, left, right));
}

/** Both operands are computed, then a branch picks one. */
function lowerExtremum(scope: Scope, expression: Expression & { kind: 'extremum' }): Value {
  const { builder } = scope;
  const { type, which } = expression;
  const width = type.bits === 64 ? 64 : 32;
  const left = lowerScalar(scope, expression.left);
  const right = lowerScalar(scope, expression.right);
  const result = builder.newVariable(width);
  const [other, join] = [builder.newBlock(), builder.newBlock()];
  const least = type.signed ? 'slt' : 'ult';
  const greatest = type.signed ? 'sgt' : 'ugt';
  builder.write(result, left);
  builder.branch({ condition: which === 'min' ? least : greatest, width, left, right }, join, other);
  builder.seal(other);
  builder.switchTo(other);
  builder.write(result, right);
  builder.jump(join);
  builder.seal(join);
  builder.switchTo(join);
  return scalar(builder.read(result));
}

function lowerConditional(scope: Scope, expression: Expression & { kind: 'conditional' }): Value {
  const { builder } = scope;
  const result = newPlace(scope, expression.type);
  const join = builder.newBlock();
  const [whenTrue, whenFalse] = [builder.newBlock(), builder.newBlock()];
  lowerCondition(scope, expression.condition, whenTrue, whenFalse);
  for (const [block, value] of [
    [whenTrue, expression.whenTrue],
    [whenFalse, expression.whenFalse],
  ] as const) {
    builder.seal(block);
    builder.switchTo(block);
    writePlace(scope, result, lowerExpression(scope, value));
    builder.jump(join);
  }
  builder.seal(join);
  builder.switchTo(join);
  return readPlace(scope, result);
}

function lowerField(scope: Scope, expression: Expression & { kind: 'field' }): Value {
  const record = lowerExpression(scope, expression.record);
  const field = record.kind === 'record' ? record.fields.get(expression.name) : undefined;
  if (field === undefined) {
    throw new LoweringError(expression.span, `a ${record.kind} has no field ${expression.name}`);
  }
  return field;
}

function lowerVariable(scope: Scope, expression: Expression & { kind: 'variable' }): Value {
  const bound = scope.variables.get(expression.variable.id);
  if (bound === undefined) {
    throw new LoweringError(expression.span, `${expression.variable.name} is used before its declaration`);
  }
  return isPlace(bound) ? readPlace(scope, bound) : bound;
}

function undefinedOf(scope: Scope, type: RefType): OptionalValue {
  return { ...optionalPointer(scope, 0n, type), presentWhen: 'never' };
}

function lowerKind(scope: Scope, expression: Expression): Value {
  const { builder } = scope;
  switch (expression.kind) {
    case 'int':
      return scalar(unsigned(expression.value, expression.type.bits === 64 ? 64 : 32));
    case 'bool':
      return scalar(expression.value ? 1n : 0n);
    case 'undefined':
      return undefinedOf(scope, expression.type.of);
    case 'variable':
      return lowerVariable(scope, expression);
    case 'negate': {
      const operand = lowerScalar(scope, expression.operand);
      return scalar(builder.binary('sub', expression.type.bits === 64 ? 64 : 32, 0n, operand));
    }
    case 'complement': {
      const width = expression.type.bits === 64 ? 64 : 32;
      return scalar(
        builder.binary('xor', width, lowerScalar(scope, expression.operand), unsigned(-1n, width)),
      );
    }
    case 'not':
    case 'compare':
    case 'logical':
    case 'isPresent':
      return scalar(conditionAsValue(scope, expression));
    case 'hint':
      return lowerExpression(scope, expression.operand);
    case 'arithmetic':
      return lowerArithmetic(scope, expression);
    case 'conditional':
      return lowerConditional(scope, expression);
    case 'extremum':
      return lowerExtremum(scope, expression);
    case 'convert': {
      const operand = lowerScalar(scope, expression.operand);
      return scalar(convert(scope, operand, typeAsInt(expression.operand.type), expression.type));
    }
    case 'present':
      return lowerOptional(scope, expression.operand).reference;
    case 'optional':
      return lowerOptional(scope, expression.operand);
    case 'record': {
      const { fields } = expression.type;
      const values = inSourceOrder(expression, (value) => lowerExpression(scope, value));
      return {
        kind: 'record',
        fields: new Map(fields.map((field, index) => [field.name, values[index] ?? { kind: 'void' }])),
      };
    }
    case 'field':
      return lowerField(scope, expression);
    case 'global':
      return {
        kind: 'reference',
        base: { kind: 'section', section: expression.section },
        offset: expression.offset,
        region: regionOf(expression.type.space),
        layout: expression.type.layout,
      };
    case 'stack':
      return lowerStack(scope, expression);
    case 'member': {
      const base = lowerReference(scope, expression.base);
      return { ...base, offset: base.offset + expression.offset, layout: expression.type.layout };
    }
    case 'element':
      return lowerElement(scope, expression);
    case 'load':
      return lowerLoad(scope, expression);
    case 'packetAt':
      return lowerPacketAt(scope, expression);
    case 'linearLength':
      return lowerLinearLength(scope, expression);
    case 'contextField':
      return lowerContextField(scope, expression);
    case 'context':
      return scalar(contextOf(scope, expression));
    case 'mapLookup':
      return lowerMapLookup(scope, expression);
    case 'mapUpdate':
      return lowerMapUpdate(scope, expression);
    case 'mapDelete':
      return lowerMapDelete(scope, expression);
    case 'reserve':
      return lowerReserve(scope, expression);
    case 'settle':
      return lowerSettle(scope, expression);
    case 'output':
      return lowerOutput(scope, expression);
    case 'tailCall':
      return lowerTailCall(scope, expression);
    case 'locked':
      return lowerLocked(scope, expression);
    case 'atomic':
      return lowerAtomic(scope, expression);
    case 'clock':
      return lowerClock(scope, expression);
    case 'random':
      return lowerRandom(scope, expression);
    case 'helper':
      return lowerHelper(scope, expression);
    case 'call':
      return lowerCall(scope, expression);
  }
}

/** The program's context pointer. Throws in a subprogram that doesn't take it. */
export function contextOf(scope: Scope, expression: Expression): Operand {
  if (scope.contextPointer === undefined) {
    throw new LoweringError(
      expression.span,
      `${scope.current.name} uses the context and has no parameter for it`,
    );
  }
  return scope.contextPointer;
}
