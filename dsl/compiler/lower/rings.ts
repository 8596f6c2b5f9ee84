/** Ring buffers: helpers 130 to 133 of kernel/bpf/ringbuf.c. */
import { MAP_HELPERS } from '../../machine/helpers.ts';
import { sizeOf } from '../../object/layout.ts';
import type { Bytes } from '../ir/ir.ts';
import type { Expression } from '../tree/tree.ts';
import { lowerExpression, lowerReference, lowerScalar } from './expressions.ts';
import { callKernel, mapAddress } from './maps.ts';
import { spilled } from './memory.ts';
import { mapNamed, type Scope } from './scope.ts';
import { addressOf, optionalPointer, scalar, type Value, VOID } from './values.ts';

/** The record's memory holds what an earlier record left, which is nobody's business: zeros, where it is there. */
export function lowerReserve(scope: Scope, expression: Expression & { kind: 'reserve' }): Value {
  const { builder } = scope;
  const { of } = expression.type;
  const size = sizeOf(of.layout);
  const ring = mapAddress(scope, mapNamed(scope, expression.map, expression.span));
  const record = callKernel(scope, MAP_HELPERS.ringbufReserve, 'bpf_ringbuf_reserve', [
    ring,
    BigInt(size),
    0n,
  ]);
  const [there, join] = [builder.newBlock(), builder.newBlock()];
  builder.branch({ condition: 'ne', width: 64, left: record, right: 0n }, there, join);
  builder.seal(there);
  builder.switchTo(there);
  for (let offset = 0; offset < size; ) {
    const bytes: Bytes = ([8, 4, 2, 1] as const).find((step) => offset + step <= size) ?? 1;
    builder.emitEffect({ op: 'store', bytes, region: 'map', base: record, offset, value: 0n });
    offset += bytes;
  }
  builder.jump(join);
  builder.seal(join);
  builder.switchTo(join);
  return optionalPointer(scope, record, of);
}

export function lowerSettle(scope: Scope, expression: Expression & { kind: 'settle' }): Value {
  const record = addressOf(scope, lowerReference(scope, expression.record));
  const flags = lowerScalar(scope, expression.flags);
  const [id, name] = expression.submit
    ? [MAP_HELPERS.ringbufSubmit, 'bpf_ringbuf_submit']
    : [MAP_HELPERS.ringbufDiscard, 'bpf_ringbuf_discard'];
  const call = { op: 'helper', id, name, arguments: [record, flags] } as const;
  scope.builder.emitEffect({ ...call, invalidatesPacket: false, pure: false });
  return VOID;
}

export function lowerOutput(scope: Scope, expression: Expression & { kind: 'output' }): Value {
  const { layout, span } = expression;
  const value = lowerExpression(scope, expression.value);
  const flags = lowerScalar(scope, expression.flags);
  const ring = mapAddress(scope, mapNamed(scope, expression.map, span));
  const data = spilled(scope, 'value', layout, value, span);
  const size = BigInt(sizeOf(layout));
  return scalar(
    callKernel(scope, MAP_HELPERS.ringbufOutput, 'bpf_ringbuf_output', [ring, data, size, flags]),
  );
}
