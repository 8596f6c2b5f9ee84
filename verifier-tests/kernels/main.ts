/** `npm run kernels [-- NAME...] [--json] [--write]`: the matrix, or some of its rows. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { KERNELS, kernelRow } from './matrix.ts';
import { type KernelRun, runKernel } from './run.ts';
import { stage } from './stage.ts';
import { kernelsDocument, kernelsTable, programsTable, trafficTable } from './table.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const OUT = path.join(ROOT, 'out', 'kernels');
const DOCUMENT = path.join(ROOT, 'docs', 'kernels.md');

const FLAGS = ['--json', '--write'];
const USAGE = `usage: npm run kernels [-- NAME...] [--json] [--write]
  NAME     ${KERNELS.map(({ name, suite, because }) => `${name} (${suite}: ${because})`).join('\n           ')}
  --json   the reports as JSON on standard output
  --write  docs/kernels.md anew; only for the whole matrix
`;

/** One line a kernel, on standard error: redrawn in place on a terminal, a line for each change elsewhere. */
class Progress {
  readonly #lines = new Map<string, string>();
  readonly #live = process.stderr.isTTY === true;

  constructor(names: readonly string[]) {
    for (const name of names) this.#set(name, 'waiting');
  }

  tell(name: string, words: string): void {
    if (this.#live) process.stderr.write(`\x1b[${this.#lines.size}A`);
    this.#set(name, words);
    if (!this.#live) return;
    const width = (process.stderr.columns ?? 80) - 1;
    for (const [each, text] of this.#lines)
      process.stderr.write(`\x1b[2K${`${each.padEnd(8)}${text}`.slice(0, width)}\n`);
  }

  #set(name: string, words: string): void {
    const isNew = !this.#lines.has(name);
    this.#lines.set(name, words);
    if (!this.#live || isNew) process.stderr.write(`${name.padEnd(8)}${words}\n`);
  }
}

async function runAll(names: readonly string[]): Promise<KernelRun[]> {
  const staged = path.join(OUT, 'staged');
  await stage(staged);
  const progress = new Progress(names);
  const waiting = [...names];
  const runs = new Map<string, KernelRun>();
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const own = name;
      const run = await runKernel(kernelRow(own), staged, path.join(OUT, own), (words) =>
        progress.tell(own, words),
      );
      runs.set(own, run);
      progress.tell(own, `${run.failure?.split('\n')[0] ?? 'all passed'} (${run.seconds.toFixed(0)} s)`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  return names.flatMap((name) => runs.get(name) ?? []);
}

function print(runs: readonly KernelRun[]): void {
  process.stdout.write(
    `\n${[kernelsTable, programsTable, trafficTable].map((each) => each(runs)).join('\n\n')}\n`,
  );
  for (const { row, report, failure } of runs) {
    if (failure !== undefined) process.stdout.write(`\n${row.name}: ${failure}\n`);
    for (const { name, outcome, details } of report?.checks ?? [])
      if (outcome === 'failed') process.stdout.write(`  ${name}: ${details}\n`);
  }
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((each) => !each.startsWith('-'));
  const unknown = [
    ...args.filter((each) => each.startsWith('-') && !FLAGS.includes(each)),
    ...names.filter((name) => !KERNELS.some((row) => row.name === name)),
  ];
  const partial = names.length > 0 && args.includes('--write');
  if (unknown.length > 0 || partial) {
    process.stderr.write(USAGE);
    return args.includes('--help') ? 0 : 2;
  }
  const runs = await runAll(names.length > 0 ? names : KERNELS.map(({ name }) => name));
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(runs, undefined, 2)}\n`);
  else print(runs);
  const failed = runs.some(({ failure }) => failure !== undefined);
  if (args.includes('--write') && runs.every(({ report }) => report?.complete))
    writeFileSync(DOCUMENT, kernelsDocument(runs));
  return failed ? 1 : 0;
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
