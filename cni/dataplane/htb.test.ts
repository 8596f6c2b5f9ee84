import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dataplaneSettings } from '../settings.ts';
import { htbOptions } from './htb.ts';

const anyLimit = fc.record({
  rateBitsPerSecond: fc.integer({ min: 1000, max: 1e12 }),
  burstBits: fc.integer({ min: 1, max: 1e10 }),
});

test('the own rates of the two classes add up to the cap', () => {
  fc.assert(
    fc.property(anyLimit, (limit) => {
      const { rateBytesPerSecond, mice, heavy } = htbOptions(limit);
      expect(mice.rateBytesPerSecond + heavy.rateBytesPerSecond).toBe(rateBytesPerSecond);
      expect(rateBytesPerSecond).toBe(BigInt(limit.rateBitsPerSecond) / 8n);
      expect(heavy.rateBytesPerSecond).toBe(rateBytesPerSecond / 8n);
    }),
  );
});

test("the device's bucket is the program's credit", () => {
  fc.assert(
    fc.property(anyLimit, (limit) => {
      expect(htbOptions(limit).burstNanoseconds).toBe(
        dataplaneSettings({ ...limit, pacing: 'queue' }, 'ingress').credit,
      );
    }),
  );
});

test('the queues have room for all that the program lets wait', () => {
  fc.assert(
    fc.property(anyLimit, (limit) => {
      const { heavyHorizon, mouseHorizon } = dataplaneSettings({ ...limit, pacing: 'queue' }, 'ingress');
      const { heavy, mice } = htbOptions(limit);
      const within = (horizon: bigint | number | undefined): number =>
        (limit.rateBitsPerSecond / 8) * (Number(horizon) / 1e9);
      expect(Number(heavy.limitBytes)).toBeGreaterThan(2 * within(heavyHorizon));
      expect(Number(mice.limitBytes)).toBeGreaterThan(2 * within(mouseHorizon));
    }),
  );
});
