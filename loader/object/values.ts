/** Settings, keys and counters by their layout: JavaScript values to bytes and back. */
import { type IntLayout, type Layout, type StructLayout, sizeOf } from '../../dsl/object/layout.ts';

/** An integer (a bigint where it has 64 bits, either on the way in), an array of values or a struct's fields. */
export type Value = number | bigint | readonly Value[] | { readonly [field: string]: Value };

/** A struct's fields; `decodeStruct` gives numbers up to 32 bits and bigints for 64. */
export type StructValue = { readonly [field: string]: Value };

/** The struct's bytes: fields that are not given are zero. Refuses unknown fields and values out of range. */
export function encodeStruct(layout: StructLayout, values: StructValue): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  encodeInto(bytes, 0, layout, values, layout.name);
  return bytes;
}

/** Writes a value at `offset`; of a struct only the given fields change. `path` names the value in errors. */
export function encodeInto(
  bytes: Uint8Array,
  offset: number,
  layout: Layout,
  value: Value,
  path: string,
): void {
  switch (layout.kind) {
    case 'int':
      encodeInt(bytes, offset, layout, value, path);
      return;
    case 'array': {
      if (!Array.isArray(value) || value.length > layout.length) {
        throw new Error(`set ${path}: expected an array of at most ${layout.length} values`);
      }
      const size = sizeOf(layout.element);
      value.forEach((item: Value, index) => {
        encodeInto(bytes, offset + index * size, layout.element, item, `${path}[${index}]`);
      });
      return;
    }
    case 'struct': {
      if (typeof value !== 'object' || Array.isArray(value))
        throw new Error(`set ${path}: expected an object`);
      for (const [name, item] of Object.entries(value)) {
        const field = layout.fields.find((candidate) => candidate.name === name);
        if (!field) {
          const known = layout.fields.map((candidate) => candidate.name).join(', ');
          throw new Error(`set ${path}: ${layout.name} has no field ${name}, only ${known}`);
        }
        encodeInto(bytes, offset + field.offset, field.layout, item, `${path}.${name}`);
      }
    }
  }
}

function encodeInt(bytes: Uint8Array, offset: number, layout: IntLayout, value: Value, path: string): void {
  const integer = toInteger(value, path);
  const fits = layout.signed ? BigInt.asIntN(layout.bits, integer) : BigInt.asUintN(layout.bits, integer);
  if (fits !== integer) {
    throw new Error(`set ${path}: ${integer} does not fit ${layout.signed ? 'i' : 'u'}${layout.bits}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const unsigned = BigInt.asUintN(layout.bits, integer);
  const little = layout.order === 'little';
  switch (layout.bits) {
    case 8:
      view.setUint8(offset, Number(unsigned));
      return;
    case 16:
      view.setUint16(offset, Number(unsigned), little);
      return;
    case 32:
      view.setUint32(offset, Number(unsigned), little);
      return;
    case 64:
      view.setBigUint64(offset, unsigned, little);
  }
}

function toInteger(value: Value, path: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  throw new Error(`set ${path}: expected an integer, not ${JSON.stringify(value)}`);
}

/** The fields of a struct at the start of `bytes`. */
export function decodeStruct(layout: StructLayout, bytes: Uint8Array): StructValue {
  if (bytes.length < layout.size) {
    throw new Error(`read ${layout.name}: it has ${layout.size} bytes, not ${bytes.length}`);
  }
  return decodeStructAt(layout, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

function decodeStructAt(layout: StructLayout, view: DataView, offset: number): StructValue {
  return Object.fromEntries(
    layout.fields.map((field) => [field.name, decodeAt(field.layout, view, offset + field.offset)]),
  );
}

function decodeAt(layout: Layout, view: DataView, offset: number): Value {
  switch (layout.kind) {
    case 'int':
      return decodeInt(layout, view, offset);
    case 'array': {
      const size = sizeOf(layout.element);
      return Array.from({ length: layout.length }, (_, index) =>
        decodeAt(layout.element, view, offset + index * size),
      );
    }
    case 'struct':
      return decodeStructAt(layout, view, offset);
  }
}

function decodeInt(layout: IntLayout, view: DataView, offset: number): number | bigint {
  const little = layout.order === 'little';
  switch (layout.bits) {
    case 8:
      return layout.signed ? view.getInt8(offset) : view.getUint8(offset);
    case 16:
      return layout.signed ? view.getInt16(offset, little) : view.getUint16(offset, little);
    case 32:
      return layout.signed ? view.getInt32(offset, little) : view.getUint32(offset, little);
    case 64:
      return layout.signed ? view.getBigInt64(offset, little) : view.getBigUint64(offset, little);
  }
}
