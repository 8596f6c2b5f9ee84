import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GSO_PACKET_BYTES, isRoomy, queueBounds, queueBurstBytes, WHOLE_BYTES } from './queue.ts';
import { dataplaneSettings } from './settings.ts';

const MEGABIT = 125_000n;
const milliseconds = (time: bigint): number => Number(time) / 1e6;
const anyRate = fc.bigInt({ min: 125n, max: 125_000_000_000_000n });

test('the packets of four senders may wait, for a quarter of a second to a second; one at any rate', () => {
  const horizonOf = (rate: bigint): number => milliseconds(queueBounds(rate, undefined).heavyHorizon);
  expect(horizonOf(20n * MEGABIT)).toBeCloseTo(20 * 29.49, 1);
  expect(horizonOf(MEGABIT)).toBeCloseTo(1073.7, 1);
  expect(horizonOf(MEGABIT / 10n)).toBeCloseTo(5898.2, 1);
  expect(horizonOf(10_000n * MEGABIT)).toBeCloseTo(268.4, 1);
});

test.each([10n, 20n, 30n, 50n, 100n])(
  'four senders have three packets each under way before drops begin: at %i Mbit/s',
  (megabits) => {
    const limit = { rateBitsPerSecond: Number(megabits) * 1e6, pacing: 'queue' as const };
    const { rampStart = 0n, dropAfter = 0n } = dataplaneSettings(limit, 'ingress');
    const packet = (GSO_PACKET_BYTES * 1_000_000_000n) / (megabits * MEGABIT);
    expect(BigInt(rampStart) + BigInt(dropAfter)).toBeGreaterThan(12n * packet);
  },
);

test('the queue has room for twice the packets of four senders from 88 Mbit/s on', () => {
  expect(isRoomy(87n * MEGABIT)).toBe(false);
  expect(isRoomy(89n * MEGABIT)).toBe(true);
});

test('a mouse may wait a second, and as long as one packet takes at any rate', () => {
  const horizonOf = (rate: bigint): number => milliseconds(queueBounds(rate, undefined).mouseHorizon);
  expect(horizonOf(10n * MEGABIT)).toBeCloseTo(1073.7, 1);
  expect(horizonOf(MEGABIT / 10n)).toBeCloseTo(5898.2, 1);
});

test('a stated burst is what may pass above the rate, overshooting packets included', () => {
  fc.assert(
    fc.property(anyRate, fc.bigInt({ min: 0n, max: 1n << 40n }), (rate, burst) => {
      const overshoot = 3n * GSO_PACKET_BYTES;
      // Of a burst that has no room for them, HTB's timer still needs its 8.4 ms in both buckets.
      const least = overshoot + (2n * rate * (1n << 23n)) / 1_000_000_000n;
      const passes = queueBurstBytes(rate, burst);
      const wanted = burst > least ? burst : least;
      expect(passes).toBeLessThanOrEqual(wanted + rate / 1_000_000_000n + 2n);
    }),
  );
});

test('where heavy packets are cut, mice get no more than those overshoot less', () => {
  fc.assert(
    fc.property(
      anyRate,
      fc.option(fc.bigInt({ min: 0n, max: 1n << 40n }), { nil: undefined }),
      (rate, burst) => {
        const { totalBurst, mouseBurst, mouseBurstBesideCut } = queueBounds(rate, burst);
        expect(mouseBurstBesideCut).toBeGreaterThanOrEqual(mouseBurst);
        const passes = ((totalBurst + mouseBurstBesideCut) * rate) / 1_000_000_000n + GSO_PACKET_BYTES;
        expect(passes + 2n * WHOLE_BYTES).toBeLessThanOrEqual(
          queueBurstBytes(rate, burst) + rate / 1_000_000_000n + 2n,
        );
      },
    ),
  );
});

test.each([
  ['without a stated burst', 1n, undefined],
  ['without a stated burst', 10n, undefined],
  ['with one of 200 ms', 10n, 250_000n],
  ['with one of 200 ms', 100n, 2_500_000n],
])(
  "beside cut packets the mice's bucket holds what a flow sends before it turns heavy: %s at %i Mbit/s",
  (_, megabits, burst) => {
    const limit = { rateBitsPerSecond: Number(megabits) * 1e6, pacing: 'queue' as const };
    const { heavyLevel = 0n, cellNsPerByte = 1n } = dataplaneSettings(limit, 'ingress');
    const threshold = (BigInt(heavyLevel) << 20n) / BigInt(cellNsPerByte);
    const { mouseBurstBesideCut } = queueBounds(megabits * MEGABIT, burst);
    expect((mouseBurstBesideCut * megabits * MEGABIT) / 1_000_000_000n).toBeGreaterThanOrEqual(
      threshold - 1n,
    );
  },
);

test('mice get the larger part of a burst', () => {
  const { totalBurst, mouseBurst } = queueBounds(100n * MEGABIT, 2_500_000n);
  expect(mouseBurst).toBeGreaterThanOrEqual(2n * totalBurst);
  expect(milliseconds(totalBurst + mouseBurst)).toBeCloseTo(200 - 17.7, 1);
});

test('every bound is positive at every rate that Kubernetes accepts', () => {
  fc.assert(
    fc.property(anyRate, (rate) => {
      for (const bound of Object.values(queueBounds(rate, 0n))) expect(bound).toBeGreaterThan(0n);
    }),
  );
});
