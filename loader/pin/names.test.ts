import { expect, it } from 'vitest';
import { checkPinName, escapeName, unescapeName } from './names.ts';

it.each(['.bss', '../../etc', 'a_b', 'a_5fb', 'ü/\n', '', 'plain9'])('escapes %j without loss', (text) => {
  const name = escapeName(text);
  expect(name).toMatch(/^[A-Za-z0-9_]*$/);
  expect(unescapeName(name)).toBe(text);
});

it.each(['', '.', '..', 'a/b', 'a.b', 'nul\0', 'x'.repeat(256)])(
  'refuses %j as a directory of pins',
  (name) => {
    expect(() => checkPinName(name)).toThrow('as a pin directory');
  },
);
