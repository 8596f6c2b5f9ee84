/**
 * `npm run bench -- accuracy [--json] [--seeds N] [--flood FLOWS] [--vm]`: how well natra's bytecode tells heavy flows
 * from mice, beside the layout of programs/reference.ts, on the same generated traffic in one run.
 */
import { renderTable } from '../../scripts/demo/table.ts';
import { countOf, helpOf, optionsOf } from '../options.ts';
import { type Classifier, natra, reference } from './classifiers.ts';
import type { Place } from './machine.ts';
import { f1, NO_SCORE, type Score, sum } from './score.ts';
import { onOff, persistent, type Trace, type TraceOptions, webMix, zipf } from './trace.ts';
import { bucketInFlood, floodRate, forgetSeconds, RATE, runFlood, scoreTraces } from './trials.ts';

const HELP = helpOf('accuracy', {
  '--seeds N': 'random traffic of so many seeds',
  '--flood FLOWS': 'flows of the flood',
  '--vm': 'in the BPF virtual machine, not in the kernel',
});

const options = optionsOf(HELP, {
  json: { type: 'boolean', default: false },
  seeds: { type: 'string', default: '5' },
  flood: { type: 'string', default: '1000000' },
  vm: { type: 'boolean', default: false },
});

const TRACES: ReadonlyArray<readonly [name: string, make: (options: TraceOptions) => Trace]> = [
  ['web mix', webMix],
  ['zipf 1.2', zipf],
  ['on-off', onOff],
  ['persistent 1% C', persistent],
];

type Make = (bytesPerSecond: number, place: Place) => Classifier;

const falseHeavyShare = ({ falseHeavyBytes, mouseBytes }: Score): number => falseHeavyBytes / mouseBytes;

function onTraces(make: Make, place: Place, seeds: readonly number[]) {
  const classifier = make(RATE, place);
  try {
    return {
      name: classifier.name,
      sketchBytes: classifier.sketchBytes,
      forgetSeconds: forgetSeconds(classifier),
      traces: Object.fromEntries(
        TRACES.map(([name, makeTrace]) => {
          process.stderr.write(`${classifier.name}: ${name}\n`);
          const score = scoreTraces(classifier, makeTrace, seeds);
          return [name, { f1: f1(score), falseHeavyShare: falseHeavyShare(score) }];
        }),
      ),
    };
  } finally {
    classifier.close();
  }
}

function inFlood(make: Make, place: Place, seeds: readonly number[], flows: number) {
  const classifier = make(floodRate(flows), place);
  try {
    const results = seeds.map((seed) => {
      process.stderr.write(`${classifier.name}: flood, seed ${seed}\n`);
      return runFlood(classifier, flows, seed);
    });
    return {
      falseHeavyShare: falseHeavyShare(results.map(({ score }) => score).reduce(sum, NO_SCORE)),
      admittedShare: Math.max(...results.map(({ admittedShare }) => admittedShare)),
    };
  } finally {
    classifier.close();
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;

function main(): void {
  const seeds = Array.from({ length: countOf('seeds', options.seeds) }, (_, index) => index + 1);
  const flows = countOf('flood', options.flood);
  const place: Place = options.vm || process.getuid?.() !== 0 ? 'vm' : 'kernel';
  const results = [natra, reference].map((make) => ({
    ...onTraces(make, place, seeds),
    flood: inFlood(make, place, seeds, flows),
  }));
  const bucketAdmitted = Math.max(...seeds.map((seed) => bucketInFlood(flows, seed)));
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ place, seeds: seeds.length, flows, bucketAdmitted, results })}\n`,
    );
    return;
  }
  type Result = (typeof results)[number];
  const rows: ReadonlyArray<readonly [title: string, of: (result: Result) => string, bucket?: string]> = [
    ['sketch, bytes a direction', ({ sketchBytes }) => String(sketchBytes), '0'],
    ...TRACES.flatMap(([name]) => [
      [`F1, ${name}`, ({ traces }: Result) => (traces[name]?.f1 ?? Number.NaN).toFixed(3)] as const,
      [
        `mice bytes taken for heavy, ${name}`,
        ({ traces }: Result) => percent(traces[name]?.falseHeavyShare ?? Number.NaN),
      ] as const,
    ]),
    ['mice bytes taken for heavy, flood at 100 C', ({ flood }) => percent(flood.falseHeavyShare)],
    [
      'admitted in the flood, of the cap',
      ({ flood }) => flood.admittedShare.toFixed(2),
      bucketAdmitted.toFixed(2),
    ],
    [
      'a heavy flow is forgotten after',
      (result) =>
        Number.isFinite(result.forgetSeconds) ? `${result.forgetSeconds.toFixed(2)} s` : 'over 1500 s',
    ],
  ];
  const [own, other] = results;
  if (own === undefined || other === undefined) return;
  process.stdout.write(
    `${seeds.length} seeds, ${flows * seeds.length} flows of flood, bytecode run in ${place === 'kernel' ? 'this kernel' : 'the BPF VM'}\n` +
      'heavy: at least 0.1 C in a second; F1 over all pairs of a flow and a second\n\n',
  );
  const columns = [
    { title: '', align: 'left', value: ([title]: (typeof rows)[number]) => title },
    { title: own.name, value: ([, of]: (typeof rows)[number]) => of(own) },
    { title: other.name, value: ([, of]: (typeof rows)[number]) => of(other) },
    { title: 'token bucket', value: ([, , bucket]: (typeof rows)[number]) => bucket ?? '-' },
  ] as const;
  process.stdout.write(`${renderTable(columns, rows).join('\n')}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`natra: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
