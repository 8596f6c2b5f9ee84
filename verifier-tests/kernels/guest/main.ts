/** Runs inside the kernel under test: `guest.cjs SHARE`. Ends with 0 when every check has passed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { FEATURES, probe } from '../../../loader/index.ts';
import { stayOnFirstCpu } from '../../differential/world.ts';
import { type GuestPlan, type Part, PLAN_FILE, REPORT_FILE } from '../report.ts';
import { checkAttaching } from './attaching.ts';
import { Checks } from './checks.ts';
import { checkInstructions } from './instructions.ts';
import { checkLimits } from './limits.ts';
import { checkPrograms } from './programs.ts';
import { checkRandomPrograms, checkReplay } from './repeat.ts';
import { checkSoak } from './soak.ts';
import { runSoakWorker } from './soak-traffic.ts';
import { startSpinning, stopSpinning, warmUp } from './virtual-time.ts';

const CHECKS: { readonly [P in Part]: (share: string, checks: Checks, plan: GuestPlan) => Promise<void> } = {
  programs: checkPrograms,
  attaching: checkAttaching,
  packets: checkReplay,
  instructions: checkInstructions,
  'random programs': checkRandomPrograms,
  traffic: checkLimits,
  soak: checkSoak,
};

async function main(share: string): Promise<number> {
  const plan = JSON.parse(readFileSync(path.join(share, PLAN_FILE), 'utf8')) as GuestPlan;
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  const checks = new Checks(path.join(share, REPORT_FILE), release);
  if (plan.virtualTime) startSpinning();
  // Recorded state is that of the first CPU. A machine in virtual time has no other.
  else if (plan.parts.includes('packets')) stayOnFirstCpu();
  for (const feature of FEATURES) checks.features[feature.name] = probe(feature).present;
  for (const part of plan.parts) {
    if (part === 'traffic') warmUp();
    await checks.run(part, async () => {
      await CHECKS[part](share, checks, plan);
      return 'done';
    });
  }
  stopSpinning();
  checks.write(true);
  return checks.failed === 0 ? 0 : 1;
}

if (isMainThread)
  main(process.argv[2] ?? '.').then(
    (code) => process.exit(code),
    (error) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      process.exit(2);
    },
  );
else runSoakWorker();
