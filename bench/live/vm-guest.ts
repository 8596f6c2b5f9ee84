/** `bench live` inside a kernel of the matrix: `guest.cjs SHARE`. Each row is on disk as soon as it is measured. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { installNatra, NATRA } from '../../verifier-tests/kernels/guest/pod.ts';
import {
  skippingIdleTime,
  startSpinning,
  stopSpinning,
  warmUp,
} from '../../verifier-tests/kernels/guest/virtual-time.ts';
import { type Bench, compare } from './compare.ts';
import { livingIn, localRig } from './local-rig.ts';
import { nameOf, type Row } from './rows.ts';
import { createTopology, joinBridge, sandboxes } from './topology.ts';
import { VM_PLAN, VM_RESULTS, VM_STOP, type VmPlan } from './vm-plan.ts';

/** What is measured afterwards runs in code that has run before. */
const WARM_UP: Row = { cap: '100M', direction: 'egress', congestion: 'cubic', ecn: false, load: 'elephant' };

async function main(share: string): Promise<void> {
  const plan = JSON.parse(readFileSync(path.join(share, VM_PLAN), 'utf8')) as VmPlan;
  const { seconds, limiters } = plan;
  installNatra(share);
  startSpinning();
  const topology = { ...(await createTopology()), usesMainPlugin: false };
  const { client } = sandboxes(topology);
  const bench: Bench = {
    topology,
    rig: await localRig(topology),
    client: await joinBridge(topology, client),
    natraPath: path.join(NATRA, 'natra'),
    limiters,
    seconds,
    signal: new AbortController().signal,
    during: ({ direction }, body) =>
      livingIn(direction === 'ingress' ? topology.pod : topology.client, () => skippingIdleTime(body)),
  };
  warmUp();
  for (const direction of new Set(plan.rows.map((row) => row.direction)))
    await compare({ ...bench, seconds: 1, limiters: ['natra'] }, { ...WARM_UP, direction });
  for (const row of plan.rows) {
    if (existsSync(path.join(share, VM_STOP))) break;
    process.stdout.write(`${nameOf(row)}\n`);
    appendFileSync(path.join(share, VM_RESULTS), `${JSON.stringify(await compare(bench, row))}\n`);
  }
  stopSpinning();
}

main(process.argv[2] ?? '.').then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
