import { expect, it } from 'vitest';
import { rodataOf } from '../../object/specialise/constants.ts';
import { eliminateDeadCode } from './dead-code.ts';
import { fillSettings } from './known-settings.ts';
import { textAfter } from './testing.ts';

/** `.rodata` of 16 bytes, 0x01 to 0x10, of which the first 8 are known. */
const known = rodataOf(
  Uint8Array.from({ length: 16 }, (_, at) => at + 1),
  Uint8Array.from({ length: 16 }, (_, at) => Number(at < 8)),
);

const filled = (text: string): string =>
  textAfter((fn) => {
    const [first] = fillSettings({ name: fn.name, functions: [fn] }, known).functions;
    return eliminateDeadCode(first ?? fn);
  }, text);

it('puts constants in the place of known settings', () => {
  const text = filled(`b0:
  %1:64 = section .rodata + 4
  %2:32 = load.2 settings [%1 + 1]
  return %2`);
  expect(text).toContain(`return ${0x0706}`);
  expect(text).not.toContain('load');
});

it('leaves the load of one that is unknown, be it in part alone', () => {
  const load = '%2:64 = load.8 settings [%1 + 4]';
  expect(
    filled(`b0:
  %1:64 = section .rodata + 0
  ${load}
  return %2`),
  ).toContain(load);
});
