import { expect, test } from 'vitest';
import { boundsOf } from '../bounds.ts';
import { fqOptions } from './fq.ts';

const MOST_SMALL = 1 << 17;

test("a slow Pod has fq's own room for all flows", () => {
  expect(fqOptions({ rateBitsPerSecond: 1000 }).limit).toBe(10_000);
});

test('an eighth is left to other flows', () => {
  for (const rateBitsPerSecond of [1e3, 1e7, 1e9, 1e15]) {
    const { flowLimit = 0, limit = 0 } = fqOptions({ rateBitsPerSecond });
    expect(flowLimit / limit).toBeCloseTo(7 / 8, 3);
  }
});

const SMALLEST = 42;

/** Of the rate in `time` ns. */
const packetsIn = (time: bigint, bitsPerSecond: number): number =>
  ((Number(time) / 1e9) * bitsPerSecond) / 8 / SMALLEST;

test.each([1e6, 1e7, 3e7])(
  'there is room for all that the program may let wait, however small packets are: %d bit/s',
  (rateBitsPerSecond) => {
    const { flowLimit = 0, limit = 0 } = fqOptions({ rateBitsPerSecond });
    const { heavyHorizon, mouseHorizon } = boundsOf({ rateBitsPerSecond, pacing: 'edt' });
    const longest = packetsIn(((heavyHorizon + mouseHorizon) * 9n) / 8n, rateBitsPerSecond);
    expect(limit).toBeGreaterThanOrEqual(longest);
    // Under a high threshold one flow may have all that mice may let wait.
    for (const horizon of [heavyHorizon, mouseHorizon])
      expect(flowLimit).toBeGreaterThanOrEqual(packetsIn((horizon * 9n) / 8n, rateBitsPerSecond));
  },
);

test('a fast Pod has room for full packets', () => {
  const { flowLimit = 0, limit = 0 } = fqOptions({ rateBitsPerSecond: 1e10 });
  const packetsPerSecond = 1e10 / 8 / 1514;
  expect(flowLimit).toBeGreaterThan(0.15 * packetsPerSecond);
  expect(limit).toBeGreaterThan(packetsPerSecond);
});

test('the room is bounded: by the memory that small packets take, and by packets', () => {
  expect(fqOptions({ rateBitsPerSecond: 1e9 }).limit).toBe(MOST_SMALL);
  expect(fqOptions({ rateBitsPerSecond: 1e15 }).limit).toBe(1 << 20);
});
