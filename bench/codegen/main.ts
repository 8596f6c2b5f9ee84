/**
 * `npm run bench -- codegen [--json]`: what the compiler makes of the dataplane and of small programs (programs/*.ts)
 * beside the same logic in C through clang -O2 (programs/*.c): slots, bytes in the kernel, the verifier's work, and
 * nanoseconds a packet over an empty program by BPF_PROG_TEST_RUN, the median of rounds in turns within one run. The time
 * is this process's own on the processor: finer than the kernel's whole nanoseconds, and blind to what else runs.
 */
import path from 'node:path';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { specialise } from '../../dsl/object/specialise/index.ts';
import { programInfo } from '../../loader/bpf/info.ts';
import type { VerifierStatistics } from '../../loader/bpf/statistics.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from '../../loader/object/load.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { compileC } from '../clang.ts';
import { prepare, ROWS, settingsOf } from '../dataplane/rows.ts';
import { compiledObject, emptyObject, median } from '../measure.ts';
import { SMALL } from './small.ts';

const ROUNDS = 25;
const REPEAT = 200_000;
const LEAST_NS = 0.1;

/** Behind the name of a program that was made for its settings. */
const MADE = ', specialised';

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
    // A program may cost no more than the noise.
    ns: Math.max(LEAST_NS, Math.round((median(samples) - emptyNs) * 100) / 100),
  };
};

/** Processor time of one run, in nanoseconds. */
function timed(fd: number, data: Uint8Array): number {
  const before = process.cpuUsage();
  testRun(fd, { data, repeat: REPEAT });
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / REPEAT;
}

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
        const nanoseconds = timed(program.fd, comparison.frame);
        if (round > 0) samples.push(nanoseconds);
      }
    }
    const emptyNs = median(empty.samples);
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
      name: `dataplane${MADE}`,
      natra: { image, program: 'ingress', options: { settings } },
      specialised: true,
    },
  ];
}

function small(): Comparison[] {
  const folder = path.join(import.meta.dirname, 'programs');
  return SMALL.flatMap(({ name, frame, settings }): Comparison[] => {
    const c = compileC(path.join(folder, `${name}.c`), 'program');
    if (c === undefined) return [];
    const image = compiledObject(path.join(folder, `${name}.ts`));
    const section = image.sections.find((one) => one.name === '.rodata');
    const contents = section && settings && sectionContents(section, settings);
    const plain = contents && { settings: contents, specialise: false };
    const clang = { image: c.object, program: 'program', ...(plain && { options: plain }) };
    const natra = { image, program: 'program' };
    const made = { ...natra, options: { settings: contents } };
    return [
      { name, frame, natra: { ...natra, ...(plain && { options: plain }) }, clang },
      ...(contents === undefined
        ? []
        : [{ name: `${name}${MADE}`, frame, natra: made as Candidate, clang, specialised: true }]),
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
  process.stdout.write(`natra / clang (ratio); ns over an empty program, median of ${ROUNDS} x ${REPEAT}\n`);
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
  const names = new Set(results.map(({ name }) => name));
  const means = {
    'geometric mean': meansOf(results.filter(({ specialised }) => !specialised)),
    'mean, specialised': meansOf(results.filter(({ specialised }) => specialised)),
    'mean, as compiled': meansOf(results.filter(({ name }) => names.has(name + MADE))),
  };
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ results, means })}\n`);
  else print(results, means);
}

main();
