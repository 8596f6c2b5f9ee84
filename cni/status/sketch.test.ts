import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROWS, sketchLoad } from './sketch.ts';

/** Programs are compiled and not run here, so their constants are read from the source. */
function constantOf(file: string, name: string): string | undefined {
  const source = readFileSync(new URL(`../../programs/${file}`, import.meta.url), 'utf8');
  return new RegExp(`const ${name}(?:: u64)? = (.*);`).exec(source)?.[1];
}

test('user space knows the rows of the kernel program', () => {
  expect(constantOf('state.ts', 'ROWS')).toBe(String(ROWS));
});

test('the chance of a false heavy flow is the product of the rows', () => {
  const now = 1_000_000n;
  const heavyLevel = 5_000n;
  const [above, at] = [now + heavyLevel + 1n, now + heavyLevel];
  const rows = [
    [above, above, above, above],
    [above, above, at, 0n],
    [above, 0n, 0n, now],
    [above, above, above, at],
  ];
  const { heavyShares, falseHeavy } = sketchLoad(rows.flat(), now, heavyLevel);
  expect(heavyShares).toEqual([1, 0.5, 0.25, 0.75]);
  expect(falseHeavy).toBeCloseTo(0.5 * 0.25 * 0.75, 12);
});
