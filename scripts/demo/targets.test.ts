import { describe, expect, it } from 'vitest';
import { phase, report } from './fixture.ts';
import type { DemoReport } from './report.ts';
import { judge } from './targets.ts';

function missed(demo: DemoReport): string[] {
  return judge(demo)
    .filter((target) => !target.reached)
    .map((target) => target.words);
}

describe('judge', () => {
  it('has a promise for goodput, window and mice of each direction, and one for what is left', () => {
    expect(judge(report())).toHaveLength(7);
    expect(missed(report())).toEqual([]);
  });

  it.each([0.949, 1.051])('misses a goodput of %f of the cap', (shareOfCap) => {
    const phases = [phase('natra', 'egress', 0.001, { shareOfCap })];
    expect(missed(report({ phases }))).toEqual([expect.stringContaining('10 Mbit/s egress: goodput')]);
  });

  it('misses a second with one byte more than cap and burst', () => {
    const phases = [phase('natra', 'ingress', 0.001, { fullestSecond: 1_500_001 })];
    expect(missed(report({ phases }))).toEqual([expect.stringContaining('fullest second')]);
  });

  it('misses mice less than ten times faster than the bandwidth plugin', () => {
    const phases = [phase('bandwidth', 'ingress', 0.4), phase('natra', 'ingress', 0.041)];
    expect(missed(report({ phases }))).toEqual([expect.stringContaining('9.8x below')]);
  });

  it('misses mice that never came back', () => {
    const mice = { count: 10, failed: 5, p50: 0.1, p99: Number.POSITIVE_INFINITY };
    const phases = [phase('bandwidth', 'ingress', 0.4), phase('natra', 'ingress', 1, { mice })];
    expect(missed(report({ phases }))).toEqual([expect.stringContaining('mice p99 never')]);
  });

  it('promises nothing of mice without the bandwidth plugin', () => {
    const words = judge(report({ phases: [phase('natra', 'ingress', 0.001)] })).map((target) => target.words);
    expect(words.filter((line) => line.includes('mice'))).toEqual([]);
  });

  it('names what was left behind', () => {
    expect(missed(report({ leftovers: ['map 7 counters'] }))).toEqual(['left behind: map 7 counters']);
  });
});
