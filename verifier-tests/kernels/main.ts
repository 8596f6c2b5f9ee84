/** `npm run kernels [-- NAME...]`: the matrix, or some of its rows. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { kernelsDocument } from './document.ts';
import { KERNELS, type KernelRow, kernelRow } from './matrix.ts';
import { runAll } from './pool.ts';
import { Progress } from './progress.ts';
import { PARTS, type Part } from './report.ts';
import type { KernelRun } from './run.ts';
import { stage } from './stage.ts';
import { kernelsTable, markdown, programsTable, soakTable, trafficTable } from './table.ts';
import { missingForVm } from './vm.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const OUT = path.join(ROOT, 'out', 'kernels');
const DOCUMENT = path.join(ROOT, 'docs', 'kernels.md');

const originOf = ({ source }: KernelRow): string =>
  source.kind === 'running' ? 'no VM' : `${source.suite}${source.series ? `, ${source.series}` : ''}`;

/** Of --only; the soak has a word of its own. */
const CHOICES = PARTS.filter((part) => part !== 'soak');

const USAGE = `usage: npm run kernels [-- NAME...] [--soak [--minutes N]] [--short] [--only PART,...] [--json] [--write]
  NAME     ${KERNELS.map((row) => `${row.name} (${originOf(row)}): ${row.because}${row.byDefault ? '' : '; on demand'}`).join('\n           ')}
  --soak   Pods that come and go instead of the checks, for --minutes (10); on 6.12 unless kernels are named
  --short  a share of the checks, as npm test takes them
  --only   some of the checks: ${CHOICES.join(', ')}
  --json   the reports as JSON on standard output
  --write  what was found into docs/kernels.md; rows of kernels that did not run stay
  --no-kvm emulates everything, also where KVM works
`;

const SOAK_ROW = '6.12';
const MOST_MINUTES = 24 * 60;

interface Arguments {
  readonly rows: readonly KernelRow[];
  readonly only: readonly Part[] | undefined;
  readonly soakSeconds: number | undefined;
  readonly flags: ReadonlySet<string>;
}

class UsageError extends Error {}

function partNamed(name: string): Part {
  const part = CHOICES.find((each) => each === name.trim());
  if (part === undefined) throw new UsageError(`--only ${name}: it must be among ${CHOICES.join(', ')}`);
  return part;
}

function parse(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      soak: { type: 'boolean' },
      minutes: { type: 'string' },
      short: { type: 'boolean' },
      only: { type: 'string' },
      json: { type: 'boolean' },
      write: { type: 'boolean' },
      'no-kvm': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) throw new UsageError('');
  const minutes = Number(values.minutes ?? 10);
  if (!(minutes > 0 && minutes <= MOST_MINUTES))
    throw new UsageError(`--minutes ${values.minutes}: it must be a number above 0, at most ${MOST_MINUTES}`);
  if (values.minutes !== undefined && !values.soak) throw new UsageError('--minutes: it goes with --soak');
  if (values.write && (values.short || values.only))
    throw new UsageError('--write: it needs whole runs, without --short and --only');
  const named = positionals.map(kernelRow);
  const others = values.soak ? [kernelRow(SOAK_ROW)] : KERNELS.filter(({ byDefault }) => byDefault);
  const flags = Object.entries(values).flatMap(([name, value]) => (value === true ? [name] : []));
  return {
    rows: named.length > 0 ? named : others,
    only: values.only?.split(',').map(partNamed),
    soakSeconds: values.soak ? 60 * minutes : undefined,
    flags: new Set(flags),
  };
}

/** Why the row can't be run on this machine; undefined when it can. */
function missingFor({ source }: KernelRow): string | undefined {
  if (source.kind === 'debian') return missingForVm(source.architecture);
  return process.getuid?.() === 0 ? undefined : 'loading programs needs root';
}

async function run({ rows, only, soakSeconds, flags }: Arguments): Promise<KernelRun[]> {
  const able = rows.filter((row) => {
    const missing = missingFor(row);
    if (missing !== undefined) process.stderr.write(`natra: ${row.name} is skipped: ${missing}\n`);
    return missing === undefined;
  });
  if (able.length === 0) return [];
  const staged = path.join(OUT, 'staged');
  await stage(staged);
  const jobs = able.map((row) => ({
    row,
    staged,
    share: path.join(OUT, row.name),
    depth: flags.has('short') ? ('short' as const) : ('whole' as const),
    only,
    soakSeconds,
    mayUseKvm: !flags.has('no-kvm'),
  }));
  const progress = new Progress(able.map(({ name }) => name));
  const runs = await runAll(jobs, Math.min(2, availableParallelism()), ({ row }, words) =>
    progress.tell(row.name, words),
  );
  progress.end();
  return runs;
}

function print(runs: readonly KernelRun[]): void {
  const tables = [kernelsTable, programsTable, trafficTable, soakTable].map((each) => each(runs));
  for (const table of tables) if (table.rows.length > 0) process.stdout.write(`\n${markdown(table)}\n`);
  for (const { row, report, failure } of runs) {
    if (failure !== undefined) process.stdout.write(`\n${row.name}: ${failure}\n`);
    for (const { name, outcome, details } of report?.checks ?? [])
      if (outcome === 'failed') process.stdout.write(`  ${name}: ${details}\n`);
  }
}

async function main(args: readonly string[]): Promise<number> {
  let wanted: Arguments;
  try {
    wanted = parse(args);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${words ? `natra: ${words}\n` : ''}${USAGE}`);
    return words ? 2 : 0;
  }
  const runs = await run(wanted);
  if (wanted.flags.has('json')) process.stdout.write(`${JSON.stringify(runs, undefined, 2)}\n`);
  else print(runs);
  const complete = runs.filter(({ report }) => report?.complete);
  if (wanted.flags.has('write') && complete.length > 0) {
    const before = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : '';
    writeFileSync(DOCUMENT, kernelsDocument(complete, before));
  }
  return runs.length < wanted.rows.length || runs.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

// Leaving by exit is what ends the VMs.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => process.exit(code));

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`natra: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  },
);
