/** Loads, stores, atomics, and values laid out on the stack. */
import { type IntLayout, type Layout, membersOf, sizeOf } from '../../object/layout.ts';
import type { Bytes, Operand, Width } from '../ir/ir.ts';
import type { AtomicOperator, Expression, Span } from '../tree/tree.ts';
import { mayReferToStack } from '../tree/walk.ts';
import { withinPacket } from './context.ts';
import { lowerReference, lowerScalar } from './expressions.ts';
import { LoweringError, type Scope } from './scope.ts';
import { slotAlignment } from './stack-alignment.ts';
import { accessOf, addressOf, type ReferenceValue, scalar, type Value, VOID } from './values.ts';

/** The struct that the kernel knows as a lock. */
const SPIN_LOCK = 'bpf_spin_lock';

/** No access is wider, bytes. */
const CELL = 8;

const bytesOf = (bits: number): Bytes => (bits === 64 ? 8 : bits === 32 ? 4 : bits === 16 ? 2 : 1);

/** An access at a place that the kernel takes in one instruction: anywhere but at an odd place on the stack. */
function isWhole({ region, base, offset }: ReferenceValue, bytes: number): boolean {
  const alignment = base.kind === 'pointer' ? (base.alignment ?? bytes) : bytes;
  return region !== 'stack' || (offset % bytes === 0 && alignment % bytes === 0);
}

/** Loads the integer that `reference` points at: host order, extended as its type says. */
export function loadInteger(scope: Scope, reference: ReferenceValue, layout: IntLayout): Operand {
  const { builder } = scope;
  const { base, offset } = accessOf(scope, reference);
  const bytes = bytesOf(layout.bits);
  const width: Width = bytes === 8 ? 64 : 32;
  const { region } = reference;
  let value: Operand;
  if (isWhole(reference, bytes)) {
    value = builder.emit({ op: 'load', bytes, region, base, offset }, width);
  } else {
    value = 0n;
    for (let i = bytes - 1; i >= 0; i -= 1) {
      const byte = builder.emit({ op: 'load', bytes: 1, region, base, offset: offset + i }, 32);
      const wide = width === 64 ? builder.zext(byte) : byte;
      value = builder.binary('or', width, builder.binary('shl', width, value, 8n), wide);
    }
  }
  if (layout.order === 'big' && layout.bits !== 8) {
    value = builder.swap(layout.bits, value);
  }
  return layout.signed && (layout.bits === 8 || layout.bits === 16)
    ? builder.sext(layout.bits, 32, value)
    : value;
}

/** Stores the low bits of `value` as `layout` has them. */
export function storeInteger(
  scope: Scope,
  reference: ReferenceValue,
  layout: IntLayout,
  value: Operand,
): void {
  const { builder } = scope;
  const { base, offset } = accessOf(scope, reference);
  const bytes = bytesOf(layout.bits);
  const { region } = reference;
  const stored = layout.order === 'big' && layout.bits !== 8 ? builder.swap(layout.bits, value) : value;
  if (isWhole(reference, bytes)) {
    builder.emitEffect({ op: 'store', bytes, region, base, offset, value: stored });
    return;
  }
  const width: Width = bytes === 8 ? 64 : 32;
  for (let i = 0; i < bytes; i += 1) {
    const shifted = i === 0 ? stored : builder.binary('lshr', width, stored, BigInt(8 * i));
    const byte = width === 64 ? builder.trunc(shifted) : shifted;
    builder.emitEffect({ op: 'store', bytes: 1, region, base, offset: offset + i, value: byte });
  }
}

/** A stack slot; values under one `key` share it and must not be needed at the same time. */
function slotFor(scope: Scope, key: string, size: number, alignment: number): number {
  const known = scope.slots.get(key);
  if (known !== undefined) {
    return known;
  }
  const slot = scope.builder.newSlot(size, alignment);
  scope.slots.set(key, slot);
  return slot;
}

function slotReference(scope: Scope, slot: number, layout: Layout): ReferenceValue {
  const operand = scope.builder.emit({ op: 'stackAddress', slot }, 64);
  return { kind: 'reference', base: { kind: 'pointer', operand }, offset: 0, region: 'stack', layout };
}

/** Zeroes bytes `from` to `to` of a slot with the widest aligned stores. */
function zero(scope: Scope, slot: ReferenceValue, from: number, to: number): void {
  const { base } = accessOf(scope, slot);
  for (let offset = from; offset < to; ) {
    const bytes = ([8, 4, 2, 1] as const).find((size) => offset % size === 0 && offset + size <= to) ?? 1;
    scope.builder.emitEffect({ op: 'store', bytes, region: 'stack', base, offset, value: 0n });
    offset += bytes;
  }
}

/** `stack(layout)`: zeroed at every evaluation. Inlined copies share the slot unless a reference escapes one. */
export function lowerStack(scope: Scope, expression: Expression & { kind: 'stack' }): Value {
  const { layout } = expression.type;
  const escapes = mayReferToStack(scope.current.returnType);
  const key = escapes ? `stack ${scope.slots.size}` : `stack ${expression.slot}`;
  const size = sizeOf(layout);
  const reference = slotReference(scope, slotFor(scope, key, size, slotAlignment(layout)), layout);
  if (!expression.uninitialised) zero(scope, reference, 0, size);
  return reference;
}

/** Stores a value leaf by leaf, zeros between. */
function storeLaidOut(
  scope: Scope,
  slot: ReferenceValue,
  layout: Layout,
  offset: number,
  value: Value,
  span: Span,
): void {
  if (layout.kind === 'int' && value.kind === 'scalar') {
    storeInteger(scope, { ...slot, offset }, layout, value.operand);
    return;
  }
  if (value.kind !== 'record' || layout.kind === 'int') {
    throw new LoweringError(span, `a ${value.kind} isn't laid out as ${layout.kind}`);
  }
  let end = offset;
  for (const member of membersOf(layout)) {
    const field = value.fields.get(member.name);
    // A spin lock is no value: what the kernel copies from here leaves it out (copy_map_value, include/linux/bpf.h).
    if (field === undefined && member.layout.kind === 'struct' && member.layout.name === SPIN_LOCK) {
      continue;
    }
    if (field === undefined) {
      throw new LoweringError(span, `the value has no field ${member.name}`);
    }
    zero(scope, slot, end, offset + member.offset);
    storeLaidOut(scope, slot, member.layout, offset + member.offset, field, span);
    end = offset + member.offset + sizeOf(member.layout);
  }
  zero(scope, slot, end, offset + sizeOf(layout));
}

/** The address of a map's key or value: the reference's own, or a slot that the value is stored in. */
export function spilled(
  scope: Scope,
  role: 'key' | 'value',
  layout: Layout,
  value: Value,
  span: Span,
): Operand {
  if (value.kind === 'reference') {
    return addressOf(scope, value);
  }
  const size = sizeOf(layout);
  const slot = slotFor(scope, `${role} ${size}`, size, slotAlignment(layout));
  const reference = slotReference(scope, slot, layout);
  storeLaidOut(scope, reference, layout, 0, value, span);
  return addressOf(scope, reference);
}

/** `index * stride`, both 64 bits. */
function scaled(scope: Scope, index: Operand, stride: number): Operand {
  const shift = Math.log2(stride);
  if (shift === 0) {
    return index;
  }
  return Number.isInteger(shift)
    ? scope.builder.binary('shl', 64, index, BigInt(shift))
    : scope.builder.binary('mul', 64, index, BigInt(stride));
}

/** `base + index * stride`: constant indices stay in the offset. */
export function lowerElement(scope: Scope, expression: Expression & { kind: 'element' }): Value {
  const { builder } = scope;
  const reference = lowerReference(scope, expression.base);
  const { stride } = expression;
  const { layout } = expression.type;
  const index = lowerScalar(scope, expression.index);
  if (typeof index === 'bigint') {
    return { ...reference, layout, offset: reference.offset + Number(index) * stride };
  }
  const wide = builder.widthOf(index) === 64 ? index : builder.zext(index);
  const { base, offset } = accessOf(scope, reference);
  const moved = builder.binary('add', 64, base, scaled(scope, wide, stride));
  const operand =
    reference.region === 'packet'
      ? withinPacket(scope, base, moved, offset + sizeOf(layout), expression)
      : moved;
  const known = reference.base.kind === 'pointer' ? (reference.base.alignment ?? CELL) : CELL;
  // The largest power of two in the stride.
  const alignment = Math.min(known, stride & -stride);
  return { ...reference, layout, base: { kind: 'pointer', operand, alignment }, offset };
}

export function lowerLoad(scope: Scope, expression: Expression & { kind: 'load' }): Value {
  return scalar(loadInteger(scope, lowerReference(scope, expression.from), expression.layout));
}

export function lowerAtomic(scope: Scope, expression: Expression & { kind: 'atomic' }): Value {
  const { builder } = scope;
  const { operator, layout } = expression;
  const on = lowerReference(scope, expression.on);
  const expected = expression.expected === undefined ? undefined : lowerScalar(scope, expression.expected);
  const value = lowerScalar(scope, expression.value);
  if (layout.bits !== 32 && layout.bits !== 64) {
    throw new LoweringError(expression.span, `an atomic operation on ${layout.bits} bits`);
  }
  // No other CPU sees the stack, and the verifier takes no atomic there at an odd place or behind an index.
  const isPrivate = on.region === 'stack';
  if (isPrivate || (scope.baseline === '5.10' && (operator !== 'add' || expression.fetch))) {
    return scalar(lowerUnatomic(scope, on, layout, layout.bits, { operator, value, expected }));
  }
  const access = accessOf(scope, on);
  const instruction = {
    op: 'atomic',
    operator,
    width: layout.bits,
    region: on.region,
    ...access,
    value,
    ...(expected === undefined ? {} : { expected }),
  } as const;
  if (!expression.fetch) {
    builder.emitEffect(instruction);
    return VOID;
  }
  return scalar(builder.emit(instruction, layout.bits));
}

/**
 * A load and a store in place of an atomic operation: what another CPU writes in between is lost. Gives the old value.
 */
function lowerUnatomic(
  scope: Scope,
  on: ReferenceValue,
  layout: IntLayout,
  width: Width,
  operation: {
    readonly operator: AtomicOperator;
    readonly value: Operand;
    readonly expected: Operand | undefined;
  },
): Operand {
  const { builder } = scope;
  const { operator, value, expected } = operation;
  const old = loadInteger(scope, on, layout);
  switch (operator) {
    case 'compareExchange': {
      if (expected === undefined) throw new Error('compareExchange without an expected value');
      const [swap, join] = [builder.newBlock(), builder.newBlock()];
      builder.branch({ condition: 'eq', width, left: old, right: expected }, swap, join);
      builder.seal(swap);
      builder.switchTo(swap);
      storeInteger(scope, on, layout, value);
      builder.jump(join);
      builder.seal(join);
      builder.switchTo(join);
      return old;
    }
    case 'exchange':
      storeInteger(scope, on, layout, value);
      return old;
    default:
      storeInteger(scope, on, layout, builder.binary(operator, width, old, value));
      return old;
  }
}
