import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test.each([
  ['eth0', 'eth0'],
  ['Grüße, 世界 \\ µ', 'Grüße, 世界 \\ µ'],
  ['\x1b[2Jweb', '\\x1b[2Jweb'],
  ['a\nnote: b\r\t\0', 'a\\x0anote: b\\x0d\\x09\\x00'],
  ['\x7f\x9b31m', '\\x7f\\x9b31m'],
  ['a\u202eb\u2028', 'a\\u202eb\\u2028'],
])('%j is told as %j', (text, told) => {
  expect(printable(text)).toBe(told);
});
