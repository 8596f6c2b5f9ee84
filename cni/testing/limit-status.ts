import type { LimitStatus } from '../status/node-status.ts';
import { VERDICTS } from '../verdicts.ts';

/** What is told of a Pod's egress of 10 Mbit/s that nothing has passed yet, but for what a test says otherwise. */
export const limitStatus = (more: Partial<LimitStatus> = {}): LimitStatus => ({
  namespace: 'team-a',
  pod: 'web',
  containerId: 'c1',
  interface: 'eth0',
  direction: 'egress',
  attachMode: 'tcx',
  side: 'pod',
  device: 'eth0',
  hook: 'egress',
  pacing: 'edt',
  reason: 'fq',
  capBitsPerSecond: 10_000_000,
  burstBytes: 1000,
  rateBitsPerSecond: 0,
  verdicts: verdictsOf(() => ({ packets: 0n, bytes: 0n })),
  sketch: undefined,
  delays: [],
  flows: [],
  faults: [],
  earlier: [],
  ...more,
});

type Verdicts = NonNullable<LimitStatus['verdicts']>;
type Verdict = keyof Verdicts;

/** Counts by verdict; `index` is the verdict's number. */
export const verdictsOf = (count: (verdict: Verdict, index: number) => Verdicts[Verdict]): Verdicts =>
  Object.fromEntries(VERDICTS.map(({ name }, index) => [name, count(name, index)])) as Verdicts;
