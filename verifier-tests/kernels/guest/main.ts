/** Runs inside the kernel under test: `guest.cjs SHARE`. Ends with 0 when every check has passed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FEATURES, probe } from '../../../loader/index.ts';
import { REPORT_FILE } from '../report.ts';
import { checkAttaching } from './attaching.ts';
import { Checks } from './checks.ts';
import { checkLimits } from './limits.ts';
import { checkPrograms } from './programs.ts';
import { checkReplay } from './repeat.ts';
import { startSpinning, stopSpinning, warmUp } from './virtual-time.ts';

async function main(share: string): Promise<number> {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  const checks = new Checks(path.join(share, REPORT_FILE), release);
  startSpinning();
  for (const feature of FEATURES) checks.features[feature.name] = probe(feature).present;
  await checkPrograms(share, checks);
  await checks.run('attach', async () => {
    await checkAttaching(share, checks);
    return 'done';
  });
  await checkReplay(share, checks);
  warmUp();
  await checkLimits(share, checks);
  stopSpinning();
  checks.write(true);
  return checks.failed === 0 ? 0 : 1;
}

main(process.argv[2] ?? '.').then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(2);
  },
);
