/**
 * `main.ts FOLDER [--lines PERCENT] [--branches PERCENT]`: adds up what the test files left in FOLDER, prints a table,
 * writes FOLDER/lcov.info, and exits with 1 where the dataplane's total is below its threshold or nothing was
 * collected. Examples are shown only: their tests are to be read, not to be complete.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { addJson, type Counts } from './counts.ts';
import { percent, rowsOf, tableOf, tracefileOf } from './report.ts';

const { values, positionals } = parseArgs({
  options: {
    lines: { type: 'string', default: '0' },
    branches: { type: 'string', default: '0' },
  },
  allowPositionals: true,
});
const [folder = 'out/coverage'] = positionals;

const counts: Counts = new Map();
for (const name of readdirSync(folder))
  if (name.endsWith('.json')) addJson(counts, JSON.parse(readFileSync(path.join(folder, name), 'utf8')));

if (counts.size === 0) {
  process.stdout.write(`coverage: no test left counts in ${folder}\n`);
  process.exit(1);
}
writeFileSync(path.join(folder, 'lcov.info'), tracefileOf(counts));
process.stdout.write(`programs/*.ts in the reference interpreter:\n${tableOf(counts)}`);
const dataplane = [...counts].filter(([file]) => !file.startsWith('programs/examples/'));
const { total } = rowsOf(new Map(dataplane));
for (const what of ['lines', 'branches'] as const) {
  const reached = percent(total[what]);
  if (reached >= Number(values[what])) continue;
  process.stdout.write(
    `coverage: ${what} of the dataplane are at ${reached.toFixed(1)}%, the threshold is ${values[what]}%\n`,
  );
  process.exitCode = 1;
}
