import { expect, test } from 'vitest';
import { summarise } from '../../bench/live/summary.ts';
import { tokenBucketFilter } from '../../bench/simulate/limiters.ts';
import { natraLimiter } from '../../bench/simulate/natra.ts';
import { simulate } from '../../bench/simulate/scenario.ts';
import { compile } from '../../dsl/compiler/compile.ts';

const limit = { rateBitsPerSecond: 10_000_000, burstBits: 2_000_000 };
const traffic = { seconds: 6, roundTripMs: 1, elephants: 1, miceEverySecond: 20, ecnCapable: false };

test('beside a modelled elephant natra holds the cap, and mice wait less than a tenth of what they wait in a TBF', () => {
  const { object } = compile('programs/limit.ts');
  const natra = natraLimiter(object!, 'limit', { ...limit, pacing: 'edt' });
  const ours = summarise(simulate({ ...traffic, limiter: natra, queuedPackets: 2 }), limit);
  const theirs = summarise(
    simulate({ ...traffic, limiter: tokenBucketFilter(limit.rateBitsPerSecond, limit.burstBits / 8) }),
    limit,
  );
  expect(ours.shareOfCap).toBeGreaterThan(0.9);
  expect(ours.fullestSecond).toBeLessThanOrEqual(ours.allowedSecond!);
  expect(ours.mice.count).toBeGreaterThan(100);
  expect(ours.mice.p99! * 10).toBeLessThan(theirs.mice.p99!);
  expect(natra.counts().paced.packets).toBeGreaterThan(0n);
});
