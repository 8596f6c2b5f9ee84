/** Initial values of globals and settings: constants, laid out in memory while compiling. */
import type { ts } from 'ts-morph';
import { type Layout, type StructLayout, sizeOf } from '../../../object/layout.ts';
import type { Expression } from '../../tree/tree.ts';
import { recordOfLayout } from '../intrinsics/laid-out.ts';
import type { Scope } from '../scope.ts';
import { convertTo } from '../types/coerce.ts';

function write(bytes: Uint8Array, layout: Layout, value: Expression): boolean {
  if (layout.kind === 'int') {
    if (value.kind !== 'int') return false;
    let rest = value.value;
    for (let index = 0; index < bytes.length; index++) {
      bytes[layout.order === 'big' ? bytes.length - 1 - index : index] = Number(BigInt.asUintN(8, rest));
      rest >>= 8n;
    }
    return true;
  }
  if (value.kind !== 'record') return false;
  const places =
    layout.kind === 'struct'
      ? layout.fields
      : Array.from({ length: layout.length }, (_, index) => ({
          offset: index * sizeOf(layout.element),
          layout: layout.element,
        }));
  return places.every(({ offset, layout: part }, index) => {
    const field = value.values[index];
    return field !== undefined && write(bytes.subarray(offset, offset + sizeOf(part)), part, field);
  });
}

/** The bytes of a constant value of this layout. */
export function initialBytes(scope: Scope, node: ts.Expression, layout: StructLayout): Uint8Array {
  const value = convertTo(scope.session, scope.value(node), recordOfLayout(layout), node);
  const bytes = new Uint8Array(layout.size);
  if (!write(bytes, layout, value)) scope.refuse('N2011', node, { what: 'an initial value' });
  return bytes;
}
