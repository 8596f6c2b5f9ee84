import { expect, test } from 'vitest';
import * as program from '../programs/verdicts.ts';
import { VERDICTS } from './verdicts.ts';

test('user space names the verdicts as the kernel program numbers them', () => {
  const { VERDICTS: number, ...values } = program;
  const names = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [value, name.toLowerCase().replace('_', '-')]),
  );
  expect(VERDICTS.map((verdict) => verdict.name)).toEqual(Object.values(names));
  expect(number).toBe(VERDICTS.length);
});
