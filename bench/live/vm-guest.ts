/** `bench live` inside a kernel of the matrix: `guest.cjs SHARE`. Guests of one share take the cases between them. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { installNatra, NATRA } from '../../verifier-tests/kernels/guest/pod.ts';
import {
  skippingIdleTime,
  startSpinning,
  stopSpinning,
  warmUp,
} from '../../verifier-tests/kernels/guest/virtual-time.ts';
import { type Case, nameOfCase } from './cases.ts';
import { type Bench, measure } from './compare.ts';
import { livingIn, localRig } from './local-rig.ts';
import type { Row } from './rows.ts';
import { createTopology, joinBridge, sandboxes } from './topology.ts';
import { claimOf, VM_PLAN, VM_STOP, type VmPlan } from './vm-plan.ts';

/** What is measured afterwards runs in code that has run before. */
const WARM_UP: Row = { cap: '100M', direction: 'egress', congestion: 'cubic', ecn: false, load: 'elephant' };

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
      say(JSON.stringify({ name, figures: await measure(bench, each) }));
    } catch (error) {
      say(`${name}: ${(error as Error).message}`);
    }
  }
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
      livingIn(direction === 'ingress' ? topology.pod : topology.client, () => skippingIdleTime(body)),
  };
  warmUp();
  for (const direction of new Set(plan.cases.map(({ row }) => row.direction))) {
    const each: Case = { limiter: 'natra', row: { ...WARM_UP, direction } };
    await measure({ ...bench, seconds: 1 }, each);
  }
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
