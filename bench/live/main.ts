/**
 * `npm run bench -- live`: real traffic through a Pod in namespaces of its own, under Debian's `bandwidth` plugin and
 * natra with the same cap and burst, and without a limit, in turns within each row.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare, LIMITERS, type LimiterName, type RowResult } from './compare.ts';
import { runRowsInVm } from './in-vm.ts';
import { whyNoNamespaces } from './namespace.ts';
import { startRig } from './rig.ts';
import { nameOf, type Row, rowsOf } from './rows.ts';
import { missesOf, tableOf } from './table.ts';
import { createTopology, joinBridge, leaveBridge, removeTopology, sandboxes } from './topology.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'out');
const HELP = `npm run bench -- live [options]

  --row WORDS     rows that have all these words, as '10M egress elephant'; may be given more than once
  --all           also the other loads with bbr and with ECN
  --short         one row, three seconds a phase; leaves the file of --resume alone
  --kernel NAME   in an emulated machine with that kernel of npm run kernels, in virtual time and with a real fq
  --only NAME,... some of ${LIMITERS.join(', ')}
  --seconds N     length of a phase under a limit (8)
  --resume        goes on with out/bench-live[-KERNEL].jsonl: rows that are there are not measured again
  --minutes N     starts no row after so long; --resume takes the rest
  --json          the figures as JSON
`;

const { values: options } = parseArgs({
  options: {
    row: { type: 'string', multiple: true, default: [] },
    all: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    kernel: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string' },
    resume: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SHORT_ROWS = ['10M egress cubic noecn elephant'];

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`--${name} ${text}: it must be a number above 0`);
}

const RESULTS = join(OUT, `bench-live${options.kernel === undefined ? '' : `-${options.kernel}`}.jsonl`);

function limitersNamed(words: string | undefined): readonly LimiterName[] {
  return (words?.split(',') ?? LIMITERS).map((name) => {
    const limiter = LIMITERS.find((each) => each === name.trim());
    if (limiter === undefined) throw new Error(`--only ${name}: it must be among ${LIMITERS.join(', ')}`);
    return limiter;
  });
}

function earlierResults(): RowResult[] {
  if (options.short) return [];
  if (!options.resume) rmSync(RESULTS, { force: true });
  if (!existsSync(RESULTS)) return [];
  const lines = readFileSync(RESULTS, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map(resultIn);
}

/** JSON writes a request that never came back as null. */
function resultIn(line: string): RowResult {
  const revive = (key: string, value: unknown) =>
    value === null && (key === 'p50' || key === 'p99') ? Number.POSITIVE_INFINITY : value;
  return JSON.parse(line, revive) as RowResult;
}

interface Measuring {
  readonly rows: readonly Row[];
  readonly seconds: number;
  readonly limiters: readonly LimiterName[];
  readonly onResult: (result: RowResult) => void;
}

async function measureInVm(kernel: string, { rows, seconds, limiters, onResult }: Measuring): Promise<void> {
  // Leaving by exit is what ends the VM.
  for (const signal of SIGNALS) process.on(signal, () => process.exit(1));
  const plan = { rows, seconds, limiters };
  const { lines, failure } = await runRowsInVm(kernel, plan, 60 * positive('minutes', options.minutes));
  for (const line of lines) onResult(resultIn(line));
  if (failure !== undefined) throw new Error(`in the VM: ${failure}`);
  if (lines.length < rows.length) tellRest(rows.length - lines.length);
}

const tellRest = (count: number): void => {
  process.stderr.write(`natra: time is up; --resume takes the other ${count} rows\n`);
};

async function measureRows({ rows, seconds, limiters, onResult }: Measuring): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of SIGNALS)
    process.on(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));
  const until = performance.now() + 60_000 * positive('minutes', options.minutes);
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
        limiters,
        seconds,
        signal: interrupted.signal,
      };
      for (const [index, row] of rows.entries()) {
        if (performance.now() > until) {
          tellRest(rows.length - index);
          break;
        }
        process.stderr.write(`${index + 1} of ${rows.length}: ${nameOf(row)}\n`);
        onResult(await compare(bench, row));
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
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { kernel } = options;
  const reason = kernel === undefined ? await whyNoNamespaces() : undefined;
  if (reason !== undefined) throw new Error(`no live traffic here: ${reason}`);
  const rows = rowsOf(options.short && options.row.length === 0 ? SHORT_ROWS : options.row, options.all);
  if (rows.length === 0) throw new Error(`--row ${options.row.join(', ')}: there is no such row`);
  const seconds = positive('seconds', options.seconds ?? (options.short ? '3' : '8'));
  const results = earlierResults();
  const known = new Set(results.map(({ row }) => nameOf(row)));
  mkdirSync(dirname(RESULTS), { recursive: true });
  const measuring: Measuring = {
    rows: rows.filter((row) => !known.has(nameOf(row))),
    seconds,
    limiters: limitersNamed(options.only),
    onResult: (result) => {
      results.push(result);
      if (!options.short) appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
    },
  };
  if (kernel === undefined) await measureRows(measuring);
  else if (measuring.rows.length > 0) await measureInVm(kernel, measuring);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(results)}\n`);
    return 0;
  }
  process.stdout.write(`${tableOf(results)}\n`);
  const misses = results.flatMap((result) => missesOf(result, kernel !== undefined));
  process.stdout.write(
    misses.length === 0 ? '\nnatra reached every target\n' : `\nmissed by natra:\n  ${misses.join('\n  ')}\n`,
  );
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`natra: ${error.message}\n`);
    process.exit(1);
  },
);
