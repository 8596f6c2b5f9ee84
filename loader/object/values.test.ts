import { expect, it } from 'vitest';
import { type IntLayout, layoutStruct } from '../../dsl/object/layout.ts';
import { decodeStruct, encodeStruct } from './values.ts';

const int = (bits: IntLayout['bits'], signed = false, order: IntLayout['order'] = 'little'): IntLayout => ({
  kind: 'int',
  bits,
  signed,
  order,
});
const inner = layoutStruct('Inner', [{ name: 'port', layout: int(16, false, 'big') }]);
const layout = layoutStruct('Sample', [
  { name: 'small', layout: int(8, true) },
  { name: 'wide', layout: int(64) },
  { name: 'list', layout: { kind: 'array', element: int(32), length: 3 } },
  { name: 'inner', layout: inner },
]);

it('lays fields out with padding, each in its byte order, and reads them back', () => {
  const values = { small: -2, wide: 0x0102030405060708n, list: [1, 2, 3], inner: { port: 0x1234 } };
  const bytes = encodeStruct(layout, values);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    'fe000000000000000807060504030201010000000200000003000000' + '12340000',
  );
  expect(decodeStruct(layout, bytes)).toEqual(values);
});

it('leaves fields that are not given at zero, and takes numbers for 64-bit fields', () => {
  expect(decodeStruct(layout, encodeStruct(layout, { wide: 5 }))).toEqual({
    small: 0,
    wide: 5n,
    list: [0, 0, 0],
    inner: { port: 0 },
  });
});

it.each([
  [{ small: 128 }, 'set Sample.small: 128 does not fit i8'],
  [{ wide: -1n }, 'set Sample.wide: -1 does not fit u64'],
  [{ list: [1, 2, 3, 4] }, 'set Sample.list: expected an array of at most 3 values'],
  [{ list: [0, 2 ** 32] }, 'set Sample.list[1]: 4294967296 does not fit u32'],
  [{ inner: { prot: 1 } }, 'set Sample.inner: Inner has no field prot, only port'],
  [{ inner: 3 }, 'set Sample.inner: expected an object'],
  [{ wide: 1.5 }, 'set Sample.wide: expected an integer, not 1.5'],
])('refuses %o, naming the field and the rule', (values, message) => {
  expect(() => encodeStruct(layout, values)).toThrow(message);
});

it('refuses to read a struct out of too few bytes', () => {
  expect(() => decodeStruct(layout, new Uint8Array(8))).toThrow('read Sample: it has 32 bytes, not 8');
});
