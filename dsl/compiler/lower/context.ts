/** The program's context and, through it, the packet. */

import type { ContextField } from '../../machine/contexts.ts';
import { sizeOf } from '../../object/layout.ts';
import type { Operand } from '../ir/ir.ts';
import { largest } from '../passes/known-bits.ts';
import type { Expression, Span, Statement } from '../tree/tree.ts';
import type { BranchTest } from './builder.ts';
import { contextOf, lowerScalar } from './expressions.ts';
import { LoweringError, type Scope } from './scope.ts';
import { scalar, type Value } from './values.ts';

/** kernel/bpf/verifier.c, MAX_PACKET_OFF: a packet pointer whose variable part may exceed this gets no range. */
const MAX_PACKET_OFFSET = 0xffff;

function fieldNamed(scope: Scope, name: string, span: Span): ContextField {
  const field = scope.context.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    throw new LoweringError(span, `the context has no field ${name}`);
  }
  return field;
}

export function lowerContextField(scope: Scope, expression: Expression & { kind: 'contextField' }): Value {
  const { builder } = scope;
  const field = fieldNamed(scope, expression.name, expression.span);
  const base = contextOf(scope, expression);
  const value = builder.emit(
    { op: 'load', bytes: field.size, region: 'context', base, offset: field.offset },
    field.size === 8 ? 64 : 32,
  );
  return scalar(field.network ? builder.swap(field.network, value) : value);
}

export function lowerStoreContext(scope: Scope, statement: Statement & { kind: 'storeContext' }): void {
  const field = fieldNamed(scope, statement.name, statement.span);
  const value = lowerScalar(scope, statement.value);
  const base = scope.contextPointer;
  if (base === undefined || !field.writable) {
    throw new LoweringError(statement.span, `${statement.name} can't be written here`);
  }
  scope.builder.emitEffect({
    op: 'store',
    bytes: field.size,
    region: 'context',
    base,
    offset: field.offset,
    value,
  });
}

/** The packet's start or end. Loaded anew at each use: a helper in between may have moved the packet. */
function packetPointer(scope: Scope, which: 'start' | 'end', expression: Expression): Operand {
  const { data } = scope.context;
  if (data === undefined) {
    throw new LoweringError(expression.span, 'this context has no packet');
  }
  const base = contextOf(scope, expression);
  return scope.builder.emit(
    { op: 'load', bytes: 4, region: 'context', base, offset: data[which], pointer: true },
    64,
  );
}

/**
 * `offset`, or `most` where that is less. The verifier refuses to add to a packet pointer what it can't bound
 * (check_reg_sane_offset), so the bound comes before the addition.
 */
function atMost(scope: Scope, offset: Operand, most: bigint): Operand {
  return whereNotAbove(scope, 32, [offset, most], offset, most);
}

/** `value` where `left` is at most `right`, as it is expected to be; else `other`. */
function whereNotAbove(
  { builder }: Scope,
  width: 32 | 64,
  [left, right]: readonly [left: Operand, right: Operand],
  value: Operand,
  other: Operand,
): Operand {
  const chosen = builder.newVariable(width);
  const [above, join] = [builder.newBlock(), builder.newBlock()];
  builder.write(chosen, value);
  builder.branch({ condition: 'ule', width, left, right }, join, above, true);
  builder.seal(above);
  builder.switchTo(above);
  builder.write(chosen, other);
  builder.jump(join);
  builder.seal(join);
  builder.switchTo(join);
  return builder.read(chosen);
}

/**
 * `skb.at(layout, offset)`. The reference is there when `pointer + size <= data_end` for the very pointer that
 * accesses go through, which is the comparison that gives it a range (kernel/bpf/verifier.c,
 * find_good_pkt_pointers). A constant offset stays in the accesses, so that all of them share `data`.
 */
export function lowerPacketAt(scope: Scope, expression: Expression & { kind: 'packetAt' }): Value {
  const { builder } = scope;
  const { layout } = expression;
  const size = sizeOf(layout);
  const offset = lowerScalar(scope, expression.offset);
  const data = packetPointer(scope, 'start', expression);
  const end = packetPointer(scope, 'end', expression);
  const presentWhen: BranchTest[] = [];
  let pointer = data;
  let constant = 0;
  const farthest = BigInt(MAX_PACKET_OFFSET - size);
  if (typeof offset === 'bigint') {
    if (offset > farthest) {
      return { kind: 'optional', reference: at(data, 0), presentWhen: 'never' };
    }
    constant = Number(offset);
  } else {
    let bounded: Operand = offset;
    if (largest(builder.producer, offset, 32) > farthest) {
      presentWhen.push({ condition: 'ule', width: 32, left: offset, right: farthest });
      bounded = atMost(scope, offset, farthest);
    }
    pointer = builder.binary('add', 64, data, builder.zext(bounded));
  }
  const limit = builder.binary('add', 64, pointer, BigInt(constant + size));
  presentWhen.push({ condition: 'ule', width: 64, left: limit, right: end });
  return { kind: 'optional', reference: at(pointer, constant), presentWhen };

  function at(operand: Operand, bytes: number) {
    return {
      kind: 'reference',
      base: { kind: 'pointer', operand },
      offset: bytes,
      region: 'packet',
      layout,
    } as const;
  }
}

/**
 * `pointer`, which lies an index behind `base`, in a form of which the verifier knows the range: what it knew of `base`
 * is lost with a number that it can't know added, so `bytes` from `pointer` on are compared with the end once more. Where they
 * would not be there, which never happens, `base` stands in.
 */
export function withinPacket(
  scope: Scope,
  base: Operand,
  pointer: Operand,
  bytes: number,
  expression: Expression,
): Operand {
  const { builder } = scope;
  const end = packetPointer(scope, 'end', expression);
  const limit = builder.binary('add', 64, pointer, BigInt(bytes));
  return whereNotAbove(scope, 64, [limit, end], pointer, base);
}

/** `data_end - data`, the one arithmetic on two pointers that the verifier allows (adjust_reg_min_max_vals). */
export function lowerLinearLength(scope: Scope, expression: Expression): Value {
  const data = packetPointer(scope, 'start', expression);
  const end = packetPointer(scope, 'end', expression);
  return scalar(scope.builder.trunc(scope.builder.binary('sub', 64, end, data)));
}
