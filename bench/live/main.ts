/**
 * `npm run bench -- live`: real traffic through a Pod in namespaces of its own, under Debian's `bandwidth` plugin and
 * natra with the same cap and burst, and without a limit, in turns within each row.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { atLeast0, optionsOf, positive } from '../options.ts';
import {
  type Case,
  casesOf,
  LIMITERS,
  type LimiterName,
  type Measured,
  measuredOf,
  nameOfCase,
  resultsOf,
  stillOf,
} from './cases.ts';
import { measure } from './compare.ts';
import { measureInVms } from './in-vm.ts';
import { whyNoNamespaces } from './namespace.ts';
import { withTables } from './page.ts';
import { CaseProgress } from './progress.ts';
import { startRig } from './rig.ts';
import { rowsOf } from './rows.ts';
import { tablesOf } from './table.ts';
import { createTopology, joinBridge, leaveBridge, removeTopology, sandboxes } from './topology.ts';
import { measuredIn } from './vm-plan.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'out');
const PAGE = join(ROOT, 'docs/live.md');
const HELP = `npm run bench -- live [options]

  --row WORDS     rows that have all these words, as '10M egress elephant'; may be given more than once
  --short         one row, three seconds a phase; leaves the file of --resume alone
  --kernel NAME   in emulated machines with that kernel of npm run kernels, in virtual time and with a real fq
  --machines N    so many of them beside each other (one for each processor)
  --only NAME,... some of ${LIMITERS.join(', ')}
  --seconds N     length of a phase under a limit (the lower the cap, the longer)
  --resume        goes on with out/bench-live[-KERNEL].jsonl: what is there of the same plan is not
                  measured again
  --minutes N     starts nothing after so long; --resume takes the rest, and with 0 only tells what there is
  --json          the figures as JSON
  --write         makes docs/live.md of what was measured
`;

const options = optionsOf(HELP, {
  row: { type: 'string', multiple: true, default: [] },
  short: { type: 'boolean', default: false },
  kernel: { type: 'string' },
  machines: { type: 'string', default: String(availableParallelism()) },
  only: { type: 'string' },
  seconds: { type: 'string' },
  resume: { type: 'boolean', default: false },
  minutes: { type: 'string', default: '600' },
  json: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
});
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SHORT = { rows: ['10M egress cubic noecn elephant'], seconds: '3' };

const RESULTS = join(OUT, `bench-live${options.kernel === undefined ? '' : `-${options.kernel}`}.jsonl`);

function limitersNamed(words: string | undefined): readonly LimiterName[] {
  return (words?.split(',') ?? LIMITERS).map((name) => {
    const limiter = LIMITERS.find((each) => each === name.trim());
    if (limiter === undefined) throw new Error(`--only ${name}: it must be among ${LIMITERS.join(', ')}`);
    return limiter;
  });
}

function earlier(): Measured[] {
  if (options.short) return [];
  if (!options.resume) rmSync(RESULTS, { force: true });
  if (!existsSync(RESULTS)) return [];
  return readFileSync(RESULTS, 'utf8')
    .split('\n')
    .flatMap((line) => measuredIn(line) ?? []);
}

interface Measuring {
  readonly cases: readonly Case[];
  readonly seconds: number | undefined;
  readonly onMeasured: (measured: Measured) => void;
  readonly onFailure: (reason: string) => void;
}

async function inVms(kernel: string, { cases, seconds, ...told }: Measuring): Promise<void> {
  // Leaving by exit is what ends the VMs.
  for (const signal of SIGNALS) process.on(signal, () => process.exit(1));
  await measureInVms(
    kernel,
    { cases, seconds },
    {
      ...told,
      seconds: 60 * atLeast0('minutes', options.minutes),
      machines: positive('machines', options.machines),
    },
  );
}

async function onThisKernel({ cases, seconds, onMeasured }: Measuring): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of SIGNALS)
    process.on(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));
  const until = performance.now() + 60_000 * atLeast0('minutes', options.minutes);
  const topology = await createTopology();
  try {
    const rig = await startRig(topology);
    try {
      const { client } = sandboxes(topology);
      const bench = {
        topology,
        rig,
        client: await joinBridge(topology, client),
        natraPath: join(ROOT, 'dist/natra'),
        seconds,
        signal: interrupted.signal,
      };
      for (const each of cases) {
        if (performance.now() > until) break;
        onMeasured(measuredOf(each, seconds, await measure(bench, each)));
      }
      await leaveBridge(topology, client);
    } finally {
      await rig.stop();
    }
  } finally {
    await removeTopology(topology.stateDirectory);
  }
}

async function main(): Promise<number> {
  const { kernel } = options;
  const reason = kernel === undefined ? await whyNoNamespaces() : undefined;
  if (reason !== undefined) throw new Error(`no live traffic here: ${reason}`);
  const rows = rowsOf(options.short && options.row.length === 0 ? SHORT.rows : options.row);
  if (rows.length === 0) throw new Error(`--row ${options.row.join(', ')}: there is no such row`);
  const text = options.seconds ?? (options.short ? SHORT.seconds : undefined);
  const seconds = text === undefined ? undefined : positive('seconds', text);
  const limiters = limitersNamed(options.only);
  const measured = stillOf(earlier(), casesOf(rowsOf([]), LIMITERS), seconds);
  const known = new Set(measured.map(({ name }) => name));
  const cases = casesOf(rows, limiters).filter((each) => !known.has(nameOfCase(each)));
  mkdirSync(OUT, { recursive: true });
  const progress = new CaseProgress(cases.length);
  const failures: string[] = [];
  const measuring: Measuring = {
    cases,
    seconds,
    onMeasured: (one) => {
      measured.push(one);
      if (!options.short) appendFileSync(RESULTS, `${JSON.stringify(one)}\n`);
      process.stderr.write(`${progress.line(one.name)}\n`);
    },
    onFailure: (failure) => {
      failures.push(failure);
      process.stderr.write(`natra: ${failure}\n`);
    },
  };
  if (cases.length > 0 && atLeast0('minutes', options.minutes) > 0)
    await (kernel === undefined ? onThisKernel(measuring) : inVms(kernel, measuring));
  const all = new Set(measured.map(({ name }) => name));
  const missing = cases.filter((each) => !all.has(nameOfCase(each)));
  if (missing.length > 0) process.stderr.write(`natra: --resume takes the other ${missing.length}\n`);
  const results = resultsOf(rows, measured);
  const tables = tablesOf(results, kernel !== undefined);
  if (options.write)
    writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8'), kernel ?? 'this kernel', tables));
  process.stdout.write(options.json ? `${JSON.stringify(results)}\n` : `${tables}\n`);
  return failures.length === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`natra: ${error.message}\n`);
    process.exit(1);
  },
);
