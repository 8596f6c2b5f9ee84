/** `bench live` inside a kernel of the matrix: `guest.cjs SHARE`. Guests of one share take the cases between them. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { installNatra, NATRA } from '../../verifier-tests/kernels/guest/pod.ts';
import {
  collectGarbage,
  skippingIdleTime,
  startSpinning,
  stopSpinning,
  warmUp,
} from '../../verifier-tests/kernels/guest/virtual-time.ts';
import { type Case, measuredOf, nameOfCase } from './cases.ts';
import { type Bench, measure } from './compare.ts';
import { livingIn, localRig } from './local-rig.ts';
import type { LoadName, Row } from './rows.ts';
import { createTopology, joinBridge, sandboxes } from './topology.ts';
import { claimOf, VM_PLAN, VM_STOP, type VmPlan } from './vm-plan.ts';

/**
 * What is measured afterwards runs in code that has run before. Clients in closed loops are answered as fast as the emulated
 * processor works: the first case was answered half as often as the second, until V8 had compiled what both run.
 */
const WARM_UP = { cap: '100M', congestion: 'cubic', ecn: false } as const;
const WARM_UP_SECONDS: Readonly<Record<LoadName, number>> = { elephant: 1, four: 1, flood: 1, clients: 6 };

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** True for the one guest that is to measure the case. */
function take(share: string, index: number): boolean {
  try {
    mkdirSync(path.join(share, claimOf(index)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function measureAll(share: string, { cases }: VmPlan, bench: Bench): Promise<void> {
  for (const [index, each] of cases.entries()) {
    if (existsSync(path.join(share, VM_STOP))) return;
    if (!take(share, index)) continue;
    const name = nameOfCase(each);
    try {
      say(JSON.stringify(measuredOf(each, bench.seconds, await measure(bench, each))));
    } catch (error) {
      say(`${name}: ${(error as Error).message}`);
    }
  }
}

/** Each direction and load of the cases once. */
function warmUps(cases: readonly Case[]): readonly Pick<Row, 'direction' | 'load'>[] {
  const rows = cases.map(({ row: { direction, load } }) => ({ direction, load }));
  return [...new Map(rows.map((row) => [`${row.direction} ${row.load}`, row])).values()];
}

async function main(share: string): Promise<void> {
  const plan = JSON.parse(readFileSync(path.join(share, VM_PLAN), 'utf8')) as VmPlan;
  installNatra(share);
  startSpinning();
  const topology = { ...(await createTopology()), usesMainPlugin: false };
  const { client } = sandboxes(topology);
  const bench: Bench = {
    topology,
    rig: await localRig(topology),
    client: await joinBridge(topology, client),
    natraPath: path.join(NATRA, 'natra'),
    seconds: plan.seconds,
    signal: new AbortController().signal,
    during: ({ direction }, body) =>
      livingIn(direction === 'ingress' ? topology.pod : topology.client, () => {
        collectGarbage();
        return skippingIdleTime(body);
      }),
  };
  warmUp();
  for (const { load, direction } of warmUps(plan.cases))
    await measure(
      { ...bench, seconds: WARM_UP_SECONDS[load] },
      { limiter: 'natra', row: { ...WARM_UP, direction, load } },
    );
  await measureAll(share, plan, bench);
  stopSpinning();
}

main(process.argv[2] ?? '.').then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
