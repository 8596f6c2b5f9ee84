import { expect, test } from 'vitest';
import { boundsOf } from '../bounds.ts';
import { fqOptions } from './fq.ts';

const MOST_SMALL = 1 << 17;

test("a slow Pod has fq's own room for all flows, and no less for one", () => {
  const { flowLimit = 0, limit } = fqOptions({ rateBitsPerSecond: 1000 });
  expect(limit).toBe(10_000);
  expect(flowLimit).toBeGreaterThanOrEqual(100);
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
    expect(flowLimit).toBeGreaterThanOrEqual(packetsIn((heavyHorizon * 9n) / 8n, rateBitsPerSecond));
    expect(limit).toBeGreaterThanOrEqual(longest);
    const stated = fqOptions({ rateBitsPerSecond, heavyThresholdBits: 2 * rateBitsPerSecond });
    expect(stated.flowLimit).toBeGreaterThanOrEqual(longest);
  },
);

test('a fast Pod has room for full packets', () => {
  const { flowLimit = 0, limit = 0 } = fqOptions({ rateBitsPerSecond: 1e10 });
  const packetsPerSecond = 1e10 / 8 / 1514;
  expect(flowLimit).toBeGreaterThan(0.15 * packetsPerSecond);
  expect(limit).toBeGreaterThan(packetsPerSecond);
});

test('the room is bounded: by the memory that small packets take, and by packets', () => {
  expect(fqOptions({ rateBitsPerSecond: 1e9 })).toEqual({
    flowLimit: (MOST_SMALL / 4) * 3,
    limit: MOST_SMALL,
  });
  expect(fqOptions({ rateBitsPerSecond: 1e15 })).toEqual({ flowLimit: 1 << 20, limit: 1 << 20 });
});
