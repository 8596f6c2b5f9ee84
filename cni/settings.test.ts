import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DIRECTIONS, type Direction } from './config/bandwidth.ts';
import { burstBytes, dataplaneSettings, type Limit, type Pacing } from './settings.ts';

const police = (rateBitsPerSecond: number, burstBits?: number): Limit => ({
  rateBitsPerSecond,
  burstBits,
  pacing: 'police',
});

describe('a stated burst', () => {
  test.each([
    [10e6, 2e6],
    [100e6, 30e6],
    [1e9, 5e8],
    [1e12, 1e12],
  ])('at %d bit/s of %d bits is what a policer lets pass above the rate', (rate, burst) => {
    expect(burstBytes(police(rate, burst))).toBeGreaterThan((burst / 8) * 0.999);
    expect(burstBytes(police(rate, burst))).toBeLessThanOrEqual(burst / 8);
  });

  test.each(['police', 'edt', 'queue'] satisfies Pacing[])(
    'never keeps a GSO packet out with %s',
    (pacing) => {
      const { credit, heavyHorizon, nsPerByte } = dataplaneSettings({ ...police(1e6, 8), pacing }, 'egress');
      const packet = (65_536n * BigInt(nsPerByte ?? 0)) >> 20n;
      expect(BigInt(credit ?? 0) + BigInt(heavyHorizon ?? 0)).toBeGreaterThan(packet);
    },
  );
});

test('the end that subnets are looked for is the one that is not the Pod', () => {
  const program = readFileSync(new URL('../programs/config.ts', import.meta.url), 'utf8');
  const endOf = (direction: Direction, subnets: Pick<Limit, 'excludedSubnets' | 'shapedSubnets'>) =>
    dataplaneSettings({ ...police(1e6), ...subnets }, direction).exclusions;
  for (const subnets of [{ excludedSubnets: ['10.0.0.0/8'] }, { shapedSubnets: ['fd00::/8'] }]) {
    expect(program).toContain(`const SOURCE = ${endOf('ingress', subnets)};`);
    expect(program).toContain(`const DESTINATION = ${endOf('egress', subnets)};`);
  }
  for (const direction of DIRECTIONS) expect(program).toContain(`const NEITHER = ${endOf(direction, {})};`);
});

test('without a stated burst a policer has the 200 ms between idle and drop that TCP needs', () => {
  const { credit, heavyHorizon } = dataplaneSettings(police(10e6), 'egress');
  expect(BigInt(credit ?? 0) + BigInt(heavyHorizon ?? 0)).toBeGreaterThan(200_000_000n);
});

test.each([1e3, 1e6, 1e9, 1e12, 1e15])(
  'at %d bit/s a byte takes its time within 15%%, and always some',
  (rate) => {
    const { nsPerByte } = dataplaneSettings(police(rate), 'egress');
    const nanoseconds = Number(nsPerByte) / 2 ** 20;
    expect(nanoseconds).toBeGreaterThan(0.85 * (8e9 / rate));
    expect(nanoseconds).toBeLessThanOrEqual(8e9 / rate);
  },
);
