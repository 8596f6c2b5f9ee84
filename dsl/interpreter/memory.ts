/** Loads, stores and atomics through references, and values laid out as a map's keys and values. */
import type { AtomicOperator, Span } from '../compiler/tree/tree.ts';
import type { Packet } from '../machine/packet.ts';
import { type IntLayout, type Layout, membersOf, sizeOf } from '../object/layout.ts';
import { describe, InterpreterError, isRecord, Reference, type Value } from './values.ts';

/**
 * The bytes that a reference's layout covers. Packet references die when a helper may have moved the packet, as the
 * verifier has it (clear_all_pkt_pointers, kernel/bpf/verifier.c).
 */
export function viewOf(reference: Reference, packet: Packet | undefined, span: Span): Uint8Array {
  const { bytes, offset, layout, space, generation } = reference;
  if (space === 'packet' && generation !== packet?.generation) {
    throw new InterpreterError(
      span,
      'this reference into the packet is stale: a helper may have moved the packet',
    );
  }
  const end = offset + sizeOf(layout);
  const limit = space === 'packet' ? (packet?.linearLength ?? 0) : bytes.length;
  if (offset < 0 || end > limit) {
    throw new InterpreterError(span, `bytes ${offset} to ${end} of ${space} memory that has ${limit}`);
  }
  return bytes.subarray(offset, end);
}

export function readInteger(view: Uint8Array, layout: IntLayout): bigint {
  let value = 0n;
  for (let index = 0; index < view.length; index++) {
    const at = layout.order === 'big' ? index : view.length - 1 - index;
    value = (value << 8n) | BigInt(view[at] ?? 0);
  }
  return layout.signed ? BigInt.asIntN(layout.bits, value) : value;
}

export function writeInteger(view: Uint8Array, layout: IntLayout, value: bigint): void {
  let rest = value;
  for (let index = 0; index < view.length; index++) {
    const at = layout.order === 'big' ? view.length - 1 - index : index;
    view[at] = Number(BigInt.asUintN(8, rest));
    rest >>= 8n;
  }
}

/** Loads the integer at `from`; `layout` is its layout. */
export function load(from: Reference, layout: IntLayout, packet: Packet | undefined, span: Span): bigint {
  return readInteger(viewOf(from.at(0, layout), packet, span), layout);
}

/** Stores the low bits of `value`. */
export function store(
  to: Reference,
  layout: IntLayout,
  value: bigint,
  packet: Packet | undefined,
  span: Span,
): void {
  if (to.space === 'settings') throw new InterpreterError(span, 'settings are constant for a program');
  writeInteger(viewOf(to.at(0, layout), packet, span), layout, value);
}

/** What memory holds after an atomic operation on `before`. */
export function combine(
  operator: AtomicOperator,
  before: bigint,
  value: bigint,
  expected: bigint | undefined,
): bigint {
  switch (operator) {
    case 'add':
      return before + value;
    case 'and':
      return before & value;
    case 'or':
      return before | value;
    case 'xor':
      return before ^ value;
    case 'exchange':
      return value;
    case 'compareExchange':
      return before === expected ? value : before;
  }
}

function write(view: Uint8Array, layout: Layout, value: Value, span: Span): void {
  if (layout.kind === 'int' && typeof value === 'bigint') {
    writeInteger(view, layout, value);
    return;
  }
  if (layout.kind === 'int' || !isRecord(value)) {
    throw new InterpreterError(span, `${describe(value)} isn't laid out as ${layout.kind}`);
  }
  for (const member of membersOf(layout)) {
    const end = member.offset + sizeOf(member.layout);
    // A spin lock is no value.
    if (member.layout.kind === 'struct' && !Object.hasOwn(value, member.name)) continue;
    write(view.subarray(member.offset, end), member.layout, value[member.name], span);
  }
}

/** The bytes of a key or value: a copy of the memory referred to, or the value laid out with zeros between. */
export function laidOut(value: Value, layout: Layout, packet: Packet | undefined, span: Span): Uint8Array {
  if (value instanceof Reference) return viewOf(value.at(0, layout), packet, span).slice();
  const bytes = new Uint8Array(sizeOf(layout));
  write(bytes, layout, value, span);
  return bytes;
}
