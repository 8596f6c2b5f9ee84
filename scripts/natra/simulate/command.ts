/**
 * `natra simulate`: the dataplane's bytecode in the BPF VM, in front of modelled TCP flows in virtual time, so that a
 * change to it can be judged on any machine; beside it a token bucket or another version.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type PhaseSummary, summarise } from '../../../bench/live/summary.ts';
import { type Limiter, tokenBucketFilter } from '../../../bench/simulate/limiters.ts';
import { natraLimiter, type SimulatedNatra } from '../../../bench/simulate/natra.ts';
import { type ScenarioOptions, simulate } from '../../../bench/simulate/scenario.ts';
import type { Direction } from '../../../cni/config/bandwidth.ts';
import { burstBytes, type Limit } from '../../../cni/settings.ts';
import { VERDICTS } from '../../../cni/verdicts.ts';
import { type ExitStatus, type Output, UsageError } from '../../../dsl/cli/output.ts';
import { reportOf } from '../../../dsl/cli/report.ts';
import { compile } from '../../../dsl/compiler/index.ts';
import { readElf } from '../../../dsl/object/elf/read.ts';
import type { ObjectImage } from '../../../dsl/object/image.ts';
import { formatBytes, formatCount, formatRate, formatSeconds, formatShare } from '../../demo/format.ts';
import { limitOf, quantity } from '../settings.ts';

const OPTIONS = {
  rate: { type: 'string', default: '10M' },
  burst: { type: 'string' },
  pacing: { type: 'string', default: 'edt' },
  seconds: { type: 'string', default: '10' },
  'round-trip': { type: 'string', default: '1' },
  elephants: { type: 'string', default: '1' },
  mice: { type: 'string', default: '20' },
  ecn: { type: 'boolean' },
  local: { type: 'boolean' },
  against: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

const DEFAULT = 'programs/limit.ts';
const MOST_SECONDS = 3600;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function parsed(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`unexpected argument ${positionals[1]}`);
    return { ...values, file: positionals[0] ?? DEFAULT };
  } catch (error) {
    throw new UsageError(`simulate: ${reasonOf(error)}`);
  }
}

function within(option: string, text: string, least: number, most: number): number {
  const value = quantity(option, text);
  if (value < least || value > most)
    throw new UsageError(`${option} ${text}: it must be from ${least} to ${most}`);
  return value;
}

/** A version of the dataplane that does not compile. */
class Broken extends Error {}

function objectOf(file: string): ObjectImage {
  if (file.endsWith('.o')) {
    try {
      return readElf(readFileSync(file));
    } catch (error) {
      throw new UsageError(`read ${file}: ${reasonOf(error)}`);
    }
  }
  const { object, diagnostics } = compile(file);
  if (object === undefined) throw new Broken(reportOf(diagnostics));
  return object;
}

function versionOf(file: string, limit: Limit, direction: Direction): SimulatedNatra {
  const object = objectOf(file);
  if (object.programs.length !== 1)
    throw new UsageError(`simulate ${file}: it must have one program, it has ${object.programs.length}`);
  try {
    return natraLimiter(object, limit, direction);
  } catch (error) {
    throw new UsageError(`simulate ${file}: it is no limiter as natra's are: ${reasonOf(error)}`);
  }
}

interface Contestant {
  readonly name: string;
  readonly limiter: Limiter | SimulatedNatra;
  readonly limit: Limit;
}

function contestant(name: string, limit: Limit, direction: Direction): Contestant {
  const burst = burstBytes(limit);
  if (name === 'tbf') return { name, limiter: tokenBucketFilter(limit.rateBitsPerSecond, burst), limit };
  return { name: path.relative('', name), limiter: versionOf(name, limit, direction), limit };
}

interface Result {
  readonly name: string;
  readonly summary: PhaseSummary;
  /** natra's own; absent for others. */
  readonly packets?: number;
  readonly instructionsPerPacket?: number;
  readonly verdicts?: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>>;
}

function resultOf({ name, limiter, limit }: Contestant, options: Omit<ScenarioOptions, 'limiter'>): Result {
  const measured = simulate({ ...options, limiter });
  const { rateBitsPerSecond } = limit;
  const summary = summarise(measured, { rateBitsPerSecond, burstBits: 8 * burstBytes(limit) });
  if (!('counts' in limiter)) return { name, summary };
  const counts = limiter.counts();
  const verdicts = Object.fromEntries(
    VERDICTS.map((verdict) => [
      verdict.words,
      { packets: Number(counts[verdict.name].packets), bytes: Number(counts[verdict.name].bytes) },
    ]),
  );
  const packets = Object.values(verdicts).reduce((sum, count) => sum + count.packets, 0);
  return { name, summary, packets, instructionsPerPacket: limiter.steps() / Math.max(packets, 1), verdicts };
}

type Row = readonly [title: string, of: (result: Result) => string];

const ROWS: readonly Row[] = [
  ['goodput', ({ summary }) => formatRate(summary.goodput)],
  ['share of the cap', ({ summary }) => formatShare(summary.shareOfCap)],
  ['fullest second', ({ summary }) => formatBytes(summary.fullestSecond)],
  [
    'allowed',
    ({ summary }) => (summary.allowedSecond === undefined ? '-' : formatBytes(summary.allowedSecond)),
  ],
  ['mice, median', ({ summary }) => formatSeconds(summary.mice.p50)],
  ['mice, 99th percentile', ({ summary }) => formatSeconds(summary.mice.p99)],
  ['mice that failed', ({ summary }) => `${summary.mice.failed} of ${summary.mice.count}`],
  ['segments sent again', ({ summary }) => formatCount(summary.retransmitted)],
  ['packets marked', ({ summary }) => formatCount(summary.congestionMarked)],
  [
    'instructions a packet',
    ({ instructionsPerPacket: count }) => (count === undefined ? '-' : count.toFixed(1)),
  ],
];

function tableOf(results: readonly Result[]): string {
  const verdicts = VERDICTS.map(
    ({ words }): Row => [
      `packets ${words}`,
      (result) => (result.verdicts ? formatCount(result.verdicts[words]?.packets ?? 0) : '-'),
    ],
  );
  const rows = [
    ['', ...results.map(({ name }) => name)],
    ...[...ROWS, ...verdicts].map(([title, of]) => [title, ...results.map(of)]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      ),
    )
    .map((row) => `${row.join('  ').trimEnd()}\n`)
    .join('');
}

/** 0; 1 where a version has errors. */
export function simulateCommand(argv: readonly string[], output: Output): ExitStatus {
  const options = parsed(argv);
  const limit = limitOf(options);
  if (limit === undefined || limit.pacing === 'queue')
    throw new UsageError('--pacing queue: the model has no HTB behind the program; it must be edt or police');
  const scenario = {
    seconds: within('--seconds', options.seconds, 1, MOST_SECONDS),
    roundTripMs: within('--round-trip', options['round-trip'], 1, 10_000),
    elephants: within('--elephants', options.elephants, 0, 1_000),
    miceEverySecond: within('--mice', options.mice, 0, 10_000),
    ecnCapable: options.ecn ?? false,
    local: options.local ?? false,
  };
  try {
    const contestants = [options.file, ...(options.against ?? ['tbf'])].map((name) =>
      contestant(name, limit, options.local ? 'egress' : 'ingress'),
    );
    const results = contestants.map((one) => resultOf(one, scenario));
    if (options.json) {
      output.out(`${JSON.stringify({ limit, scenario, results }, undefined, 2)}\n`);
      return 0;
    }
    const { rateBitsPerSecond, pacing } = limit;
    output.out(
      `simulated: ${formatRate(rateBitsPerSecond)}, ${pacing}, ${scenario.seconds} s of virtual time; ` +
        `${scenario.elephants} elephants and ${scenario.miceEverySecond} mice a second, ` +
        `round trip ${scenario.roundTripMs} ms\n\n${tableOf(results)}`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    output.out(error.message);
    return 1;
  }
}
