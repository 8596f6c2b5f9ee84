/** Expressions: one case a kind, evaluated left to right. */
import { inSourceOrder } from '../compiler/tree/order.ts';
import type { ArithmeticOperator, CompareOperator, Expression, IntType } from '../compiler/tree/tree.ts';
import { sizeOf } from '../object/layout.ts';
import { callFunction, callHelperRow, invoke, readClock, readRandom } from './calls.ts';
import { mapDelete, mapLookup, mapUpdate } from './maps.ts';
import { combine, load, store } from './memory.ts';
import { output, reserve, settle, tailCall } from './rings.ts';
import type { Frame } from './run.ts';
import {
  CONTEXT,
  describe,
  expectBoolean,
  expectInteger,
  expectReference,
  InnerMap,
  InterpreterError,
  isRecord,
  normalise,
  Reference,
  type Value,
} from './values.ts';

export function integer(frame: Frame, expression: Expression): bigint {
  return expectInteger(evaluate(frame, expression), expression.span);
}

export function reference(frame: Frame, expression: Expression): Reference {
  return expectReference(evaluate(frame, expression), expression.span);
}

/** A condition, told to the hooks. */
export function condition(frame: Frame, expression: Expression): boolean {
  const value = expectBoolean(evaluate(frame, expression), expression.span);
  frame.run.hooks.branch?.(expression, value ? 'true' : 'false');
  return value;
}

/** RFC 9669 section 4.1 for the language's operators; operands and result are within the type's range. */
export function arithmetic(type: IntType, operator: ArithmeticOperator, left: bigint, right: bigint): bigint {
  const count = BigInt.asUintN(type.bits, right) % BigInt(type.bits);
  switch (operator) {
    case 'add':
      return normalise(type, left + right);
    case 'sub':
      return normalise(type, left - right);
    case 'mul':
      return normalise(type, left * right);
    case 'div':
      return right === 0n ? 0n : normalise(type, left / right);
    case 'mod':
      return right === 0n ? left : normalise(type, left % right);
    case 'and':
      return normalise(type, left & right);
    case 'or':
      return normalise(type, left | right);
    case 'xor':
      return normalise(type, left ^ right);
    case 'shl':
      return normalise(type, left << count);
    case 'shr':
      return normalise(type, left >> count);
  }
}

function compare(operator: CompareOperator, left: bigint | boolean, right: bigint | boolean): boolean {
  switch (operator) {
    case 'eq':
      return left === right;
    case 'ne':
      return left !== right;
    case 'lt':
      return left < right;
    case 'le':
      return left <= right;
    case 'gt':
      return left > right;
    case 'ge':
      return left >= right;
  }
}

function comparable(frame: Frame, expression: Expression): bigint | boolean {
  const value = evaluate(frame, expression);
  if (typeof value === 'bigint' || typeof value === 'boolean') return value;
  throw new InterpreterError(expression.span, `${describe(value)} can't be compared`);
}

function evaluateLogical(frame: Frame, expression: Expression & { kind: 'logical' }): boolean {
  const left = condition(frame, expression.left);
  if (left !== (expression.operator === 'and')) return left;
  return condition(frame, expression.right);
}

function evaluateField(frame: Frame, expression: Expression & { kind: 'field' }): Value {
  const record = evaluate(frame, expression.record);
  if (!isRecord(record) || !Object.hasOwn(record, expression.name)) {
    throw new InterpreterError(expression.span, `${describe(record)} has no field ${expression.name}`);
  }
  return record[expression.name];
}

function evaluateStack(frame: Frame, expression: Expression & { kind: 'stack' }): Reference {
  const { layout } = expression.type;
  const bytes = frame.stack.get(expression.slot) ?? new Uint8Array(sizeOf(layout));
  bytes.fill(0);
  frame.stack.set(expression.slot, bytes);
  return new Reference(bytes, 0, layout, 'stack');
}

function evaluateElement(frame: Frame, expression: Expression & { kind: 'element' }): Reference {
  const base = reference(frame, expression.base);
  const index = integer(frame, expression.index);
  if (index < 0n || index >= BigInt(expression.length)) {
    throw new InterpreterError(expression.span, `index ${index} of an array of ${expression.length}`);
  }
  return base.at(Number(index) * expression.stride, expression.type.layout);
}

/** `skb.at`: there when it lies wholly in the linear part. */
function evaluatePacketAt(
  frame: Frame,
  expression: Expression & { kind: 'packetAt' },
): Reference | undefined {
  const { packet } = frame.run;
  const offset = Number(integer(frame, expression.offset));
  const { layout } = expression;
  if (offset + sizeOf(layout) > packet.linearLength) return undefined;
  return new Reference(packet.data, offset, layout, 'packet', packet.generation);
}

function evaluateAtomic(frame: Frame, expression: Expression & { kind: 'atomic' }): Value {
  const { operator, layout, span } = expression;
  const { packet } = frame.run;
  const on = reference(frame, expression.on);
  const expected = expression.expected && integer(frame, expression.expected);
  const value = integer(frame, expression.value);
  const before = load(on, layout, packet, span);
  store(on, layout, combine(operator, before, value, expected), packet, span);
  return expression.fetch ? before : undefined;
}

function evaluateGlobal(frame: Frame, expression: Expression & { kind: 'global' }): Reference {
  const bytes = frame.run.sections.get(expression.section);
  if (bytes === undefined)
    throw new InterpreterError(expression.span, `there is no section ${expression.section}`);
  return new Reference(bytes, expression.offset, expression.type.layout, expression.type.space);
}

function evaluateVariable(frame: Frame, expression: Expression & { kind: 'variable' }): Value {
  const { id, name } = expression.variable;
  if (!frame.run.variables.has(id))
    throw new InterpreterError(expression.span, `${name} is read before its declaration`);
  return frame.run.variables.get(id);
}

function evaluateAll(frame: Frame, expressions: readonly Expression[]): readonly Value[] {
  return expressions.map((expression) => evaluate(frame, expression));
}

export function evaluate(frame: Frame, expression: Expression): Value {
  const { run } = frame;
  switch (expression.kind) {
    case 'int':
      return normalise(expression.type, expression.value);
    case 'bool':
      return expression.value;
    case 'undefined':
      return undefined;
    case 'variable':
      return evaluateVariable(frame, expression);
    case 'negate':
      return normalise(expression.type, -integer(frame, expression.operand));
    case 'complement':
      return normalise(expression.type, ~integer(frame, expression.operand));
    case 'not':
      return !expectBoolean(evaluate(frame, expression.operand), expression.span);
    case 'arithmetic': {
      const left = integer(frame, expression.left);
      return arithmetic(expression.type, expression.operator, left, integer(frame, expression.right));
    }
    case 'compare': {
      const left = comparable(frame, expression.left);
      return compare(expression.operator, left, comparable(frame, expression.right));
    }
    case 'logical':
      return evaluateLogical(frame, expression);
    case 'conditional':
      return evaluate(
        frame,
        condition(frame, expression.condition) ? expression.whenTrue : expression.whenFalse,
      );
    case 'extremum': {
      const left = integer(frame, expression.left);
      const right = integer(frame, expression.right);
      return (expression.which === 'min' ? left < right : left > right) ? left : right;
    }
    case 'convert': {
      const operand = evaluate(frame, expression.operand);
      if (typeof operand === 'boolean') return operand ? 1n : 0n;
      return normalise(expression.type, expectInteger(operand, expression.span));
    }
    case 'hint':
    case 'optional':
      return evaluate(frame, expression.operand);
    case 'present': {
      const value = evaluate(frame, expression.operand);
      return value instanceof InnerMap ? value : expectReference(value, expression.span);
    }
    case 'isPresent':
      return evaluate(frame, expression.operand) !== undefined;
    case 'record': {
      const values = inSourceOrder(expression, (value) => evaluate(frame, value));
      return Object.fromEntries(expression.type.fields.map((field, index) => [field.name, values[index]]));
    }
    case 'field':
      return evaluateField(frame, expression);
    case 'global':
      return evaluateGlobal(frame, expression);
    case 'stack':
      return evaluateStack(frame, expression);
    case 'member':
      return reference(frame, expression.base).at(expression.offset, expression.type.layout);
    case 'element':
      return evaluateElement(frame, expression);
    case 'load':
      return load(reference(frame, expression.from), expression.layout, run.packet, expression.span);
    case 'packetAt':
      return evaluatePacketAt(frame, expression);
    case 'linearLength':
      return normalise(expression.type, BigInt(run.packet.linearLength));
    case 'contextField':
      return normalise(expression.type, run.packet.get(expression.name));
    case 'context':
      return CONTEXT;
    case 'mapLookup':
    case 'mapDelete': {
      const on = expression.on && evaluate(frame, expression.on);
      const key = evaluate(frame, expression.key);
      return expression.kind === 'mapLookup'
        ? mapLookup(run, expression, key, on)
        : mapDelete(run, expression, key, on);
    }
    case 'mapUpdate': {
      const on = expression.on && evaluate(frame, expression.on);
      const key = evaluate(frame, expression.key);
      const value = evaluate(frame, expression.value);
      return mapUpdate(run, expression, key, value, integer(frame, expression.flags), on);
    }
    case 'reserve':
      return reserve(run, expression);
    case 'settle': {
      const record = reference(frame, expression.record);
      integer(frame, expression.flags);
      settle(run, record, expression.submit, expression.span);
      return undefined;
    }
    case 'output': {
      const value = evaluate(frame, expression.value);
      return output(run, expression, value, integer(frame, expression.flags));
    }
    case 'tailCall':
      tailCall(run, expression, integer(frame, expression.index));
      return undefined;
    case 'locked':
      reference(frame, expression.lock);
      return invoke(run, expression.body, [], expression.span);
    case 'atomic':
      return evaluateAtomic(frame, expression);
    case 'clock':
      return readClock(run, expression.which);
    case 'random':
      return readRandom(run);
    case 'helper':
      return callHelperRow(run, expression, evaluateAll(frame, expression.arguments));
    case 'call':
      return callFunction(run, expression, evaluateAll(frame, expression.arguments));
  }
}
