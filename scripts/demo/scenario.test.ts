import { describe, expect, it } from 'vitest';
import { planDemo } from './scenario.ts';

describe('planDemo', () => {
  it.each([20, 60, 300])('fills %i seconds, most of them with traffic', (seconds) => {
    const pods = planDemo(seconds, true);
    const traffic = pods.flatMap((pod) => pod.phases).reduce((sum, phase) => sum + phase.seconds, 0);
    expect(traffic).toBeLessThan(seconds);
    expect(traffic).toBeGreaterThan(seconds - 16);
  });

  it('loads every Pod in both directions, natra at 10 and 100 Mbit/s', () => {
    const pods = planDemo(60, true);
    for (const pod of pods) expect(pod.phases.map((phase) => phase.direction)).toEqual(['ingress', 'egress']);
    const caps = pods.filter((pod) => pod.limiter === 'natra').map((pod) => pod.limit?.rateBitsPerSecond);
    expect(caps).toEqual([10_000_000, 100_000_000]);
  });

  it('gives both limiters 250 kB of burst at 10 Mbit/s', () => {
    const pods = planDemo(60, true).filter((pod) => pod.limit?.rateBitsPerSecond === 10_000_000);
    expect(pods.map((pod) => pod.limit?.burstBits)).toEqual([2_000_000, 2_000_000]);
  });

  it('sends at least 200 mice a direction at the smallest cap in a full demo', () => {
    for (const pod of planDemo(60, true).filter((each) => each.limit?.rateBitsPerSecond === 10_000_000)) {
      for (const phase of pod.phases) {
        expect((phase.seconds - 0.4) * phase.micePerSecond).toBeGreaterThan(200);
      }
    }
  });

  it.each([20, 60])('gives every phase a second to be measured, in %i seconds too', (seconds) => {
    const phases = planDemo(seconds, true).flatMap((pod) => pod.phases);
    expect(Math.min(...phases.map((phase) => phase.seconds))).toBeGreaterThan(0.9);
    for (const pod of planDemo(seconds, true).filter((each) => each.limiter === 'natra')) {
      for (const phase of pod.phases) expect(phase.seconds).toBeGreaterThan(1);
    }
  });

  it('compares at the smallest cap alone when time is short', () => {
    const compared = planDemo(20, true).filter((pod) => pod.limiter === 'bandwidth');
    expect(compared.map((pod) => pod.limit?.rateBitsPerSecond)).toEqual([10_000_000]);
  });

  it('gives the time of a missing bandwidth plugin to the others', () => {
    const pods = planDemo(60, false);
    expect(pods.map((pod) => pod.limiter)).toEqual(['none', 'natra', 'natra']);
    expect(pods[1]?.phases[0]?.seconds).toBeGreaterThan(planDemo(60, true)[2]?.phases[0]?.seconds ?? 0);
  });
});
