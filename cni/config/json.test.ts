import { expect, test } from 'vitest';
import { isSameJson } from './json.ts';

const record = { rate: 1e6, made: [{ mode: 'tcx' }, { mode: 'fq' }], pod: { name: 'web' } };

test.each([
  ['the order of members', { pod: { name: 'web' }, made: record.made, rate: 1e6 }],
  ['a member without a value, which JSON leaves out', { ...record, burst: undefined }],
])('%s makes no difference', (_, other) => {
  expect([isSameJson(record, other), isSameJson(other, record)]).toEqual([true, true]);
});

test.each([
  ['another value', { ...record, pod: { name: 'api' } }],
  ['a member more', { ...record, burst: 1 }],
  ['another order of elements', { ...record, made: [...record.made].reverse() }],
  ['an element more', { ...record, made: [...record.made, { mode: 'htb' }] }],
  ['null', { ...record, pod: null }],
  ['an object in the place of an array', { ...record, made: { ...record.made } }],
])('%s does', (_, other) => {
  expect([isSameJson(record, other), isSameJson(other, record)]).toEqual([false, false]);
});
