/**
 * `npm run bench -- codegen [--json]`: what the compiler makes of the dataplane and of small programs (programs/*.ts)
 * beside the same logic in C through clang -O2 (programs/*.c): slots, bytes in the kernel, the verifier's work, and
 * nanoseconds a packet over an empty program by BPF_PROG_TEST_RUN, the mean of the middle half, in turns within one run.
 */
import path from 'node:path';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { specialise } from '../../dsl/object/specialise/index.ts';
import { programInfo } from '../../loader/bpf/info.ts';
import type { VerifierStatistics } from '../../loader/bpf/statistics.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from '../../loader/object/load.ts';
import { compileC } from '../clang.ts';
import { prepare, ROWS, settingsOf } from '../dataplane/rows.ts';
import { compiledObject, emptyObject, midmean } from '../measure.ts';
import { SMALL } from './small.ts';

const ROUNDS = 25;
const REPEAT = 100_000;
const LEAST_NS = 0.5;

const METRICS = ['instructions', 'xlated', 'jited', 'processed', 'ns'] as const;
type Metric = (typeof METRICS)[number];
type Figures = Readonly<Record<Metric, number>>;

interface Candidate {
  readonly image: ObjectImage;
  readonly program: string;
  readonly options?: LoadOptions;
}

/** One program in two forms. */
interface Comparison {
  readonly name: string;
  readonly frame: Uint8Array;
  readonly natra: Candidate;
  readonly clang: Candidate;
  /** Puts a loaded program into the state that is measured. */
  readonly prepare?: (program: LoadedProgram) => void;
  /** Not part of the means over the programs as they are compiled. */
  readonly specialised?: boolean;
}

interface Live {
  readonly program: LoadedProgram;
  readonly slots: number;
  readonly statistics: VerifierStatistics | undefined;
  readonly samples: number[];
}

function load({ image, program: name, options = {} }: Candidate): Live {
  let statistics: VerifierStatistics | undefined;
  const program = loadProgram(image, name, {
    ...options,
    onStatistics: (told) => {
      statistics = told;
    },
  });
  const found = image.programs.find((one) => one.name === name);
  const { settings, specialise: wanted } = options;
  const made =
    found !== undefined && settings instanceof Uint8Array && wanted !== false
      ? specialise(found, settings)
      : found;
  return { program, slots: (made?.code.length ?? 0) / 8, statistics, samples: [] };
}

const figuresOf = ({ program, slots, statistics, samples }: Live, emptyNs: number): Figures => {
  const { translatedBytes, jitedBytes } = programInfo(program.fd);
  return {
    instructions: slots,
    xlated: translatedBytes,
    jited: jitedBytes,
    processed: statistics?.processedInstructions ?? Number.NaN,
    // A program may cost less than the kernel's clock of whole nanoseconds can tell.
    ns: Math.max(LEAST_NS, Math.round((midmean(samples) - emptyNs) * 10) / 10),
  };
};

function compare(comparison: Comparison): { readonly natra: Figures; readonly clang: Figures } {
  const empty = load({ image: emptyObject(), program: 'empty' });
  const sides = [empty];
  try {
    const natra = load(comparison.natra);
    sides.push(natra);
    const clang = load(comparison.clang);
    sides.push(clang);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { program, samples } of sides) {
        comparison.prepare?.(program);
        const { durationNanoseconds } = testRun(program.fd, { data: comparison.frame, repeat: REPEAT });
        if (round > 0) samples.push(durationNanoseconds);
      }
    }
    const emptyNs = midmean(empty.samples);
    return { natra: figuresOf(natra, emptyNs), clang: figuresOf(clang, emptyNs) };
  } finally {
    for (const { program } of sides) program.close();
  }
}

/** The dataplane on a mouse's packet, as compiled and made for its settings. */
function dataplane(): Comparison[] {
  const image = compiledObject(path.join(import.meta.dirname, '../../programs/ingress.ts'));
  const twin = compileC(path.join(import.meta.dirname, '../dataplane/twin.c'), 'ingress');
  const row = ROWS[0];
  if (twin === undefined || row === undefined) return [];
  const settings = settingsOf(row, image);
  const plain = { settings, specialise: false };
  const common = {
    frame: row.frame,
    clang: { image: twin.object, program: 'ingress', options: plain },
    prepare: (program: LoadedProgram) => prepare(row, image, program),
  };
  return [
    { ...common, name: 'dataplane', natra: { image, program: 'ingress', options: plain } },
    {
      ...common,
      name: 'dataplane, specialised',
      natra: { image, program: 'ingress', options: { settings } },
      specialised: true,
    },
  ];
}

function small(): Comparison[] {
  const folder = path.join(import.meta.dirname, 'programs');
  return SMALL.flatMap(({ name, frame }) => {
    const c = compileC(path.join(folder, `${name}.c`), 'program');
    if (c === undefined) return [];
    const image = compiledObject(path.join(folder, `${name}.ts`));
    return [
      { name, frame, natra: { image, program: 'program' }, clang: { image: c.object, program: 'program' } },
    ];
  });
}

interface Result {
  readonly name: string;
  readonly specialised: boolean;
  readonly natra: Figures;
  readonly clang: Figures;
}

/** Geometric mean of natra over clang. */
function mean(results: readonly Result[], metric: Metric): number {
  const logarithms = results.map(({ natra, clang }) => Math.log(natra[metric] / clang[metric]));
  return Math.exp(logarithms.reduce((sum, each) => sum + each, 0) / logarithms.length);
}

const meansOf = (results: readonly Result[]): Figures =>
  Object.fromEntries(METRICS.map((metric) => [metric, mean(results, metric)])) as Record<Metric, number>;

function print(results: readonly Result[], means: Readonly<Record<string, Figures>>): void {
  const line = (name: string, cells: readonly string[]): void => {
    process.stdout.write(`${name.padEnd(26)}${cells.map((cell) => cell.padStart(18)).join('')}\n`);
  };
  process.stdout.write(
    `natra / clang (ratio); ns over an empty program, middle half of ${ROUNDS} x ${REPEAT}\n`,
  );
  line('program', METRICS);
  for (const { name, natra, clang } of results) {
    const cells = METRICS.map(
      (metric) => `${natra[metric]} / ${clang[metric]} (${(natra[metric] / clang[metric]).toFixed(2)})`,
    );
    line(name, cells);
  }
  for (const [name, figures] of Object.entries(means))
    line(
      name,
      METRICS.map((metric) => figures[metric].toFixed(3)),
    );
}

function main(): void {
  const results = [...dataplane(), ...small()].map((comparison) => ({
    name: comparison.name,
    specialised: comparison.specialised === true,
    ...compare(comparison),
  }));
  const means = {
    'geometric mean': meansOf(results.filter(({ specialised }) => !specialised)),
    'mean, specialised': meansOf(results.filter(({ name }) => name !== 'dataplane')),
  };
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ results, means })}\n`);
  else print(results, means);
}

main();
