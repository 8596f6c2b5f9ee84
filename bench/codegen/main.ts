/**
 * `npm run bench -- codegen [--json]`: what the compiler makes of the dataplane and of small programs (programs/*.ts)
 * beside the same logic in C through clang -O2 (programs/*.c): slots, bytes in the kernel, the verifier's work, and
 * nanoseconds a packet by BPF_PROG_TEST_RUN, in turns within one run.
 */
import path from 'node:path';
import { templatesOf } from '../../cni/dataplane/prepare.ts';
import type { ObjectImage, ProgramImage } from '../../dsl/object/image.ts';
import { SLOT_BYTES } from '../../dsl/object/instruction.ts';
import { specialise } from '../../dsl/object/specialise/index.ts';
import { fillTemplate, fits } from '../../dsl/object/specialise/template.ts';
import { programInfo } from '../../loader/bpf/info.ts';
import type { VerifierStatistics } from '../../loader/bpf/statistics.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from '../../loader/object/load.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { compileC } from '../clang.ts';
import { prepare, ROWS, settingsOf } from '../dataplane/rows.ts';
import { compiledObject, emptyObject, median, processorTime } from '../measure.ts';
import { helpOf, optionsOf } from '../options.ts';
import { repeated } from './repeated.ts';
import { SMALL } from './small.ts';

/**
 * How often both sides are loaded anew. Where code happens to lie in the processor's caches moves a program of some
 * nanoseconds by a fifth, so that one placement says nothing of the code: Mytkowicz et al., "Producing Wrong Data
 * Without Doing Anything Obviously Wrong!", 2009.
 */
const PLACEMENTS = 31;
/** In each placement. */
const ROUNDS = 9;
/** Of one program's code in a round, at least. */
const RUNS = 100_000;
/** Of a small program's code in the first placement; each further one has one more, so that all else lies elsewhere. */
const FEWEST_COPIES = 8;

/** Behind the name of a program that was made for its settings. */
const MADE = ', specialised';

const METRICS = ['instructions', 'xlated', 'jited', 'processed', 'ns', 'ns with call'] as const;
type Metric = (typeof METRICS)[number];
type Figures = Readonly<Record<Metric, number>>;

const LEGEND = [
  `natra / clang -O2 -mcpu=v3 (ratio). instructions: slots of 8 bytes. xlated, jited: bytes in the kernel. processed: the`,
  `verifier's instructions. ns: a packet's, less an empty program's; a small program's code stands ${FEWEST_COPIES} to ${FEWEST_COPIES + PLACEMENTS - 1} times`,
  'in a row in the program that is timed, since one call costs more than it does. ns with call: the same and one call of',
  `an empty program, as a packet pays. Both sides are loaded anew ${PLACEMENTS} times, since where code lies in memory counts too:`,
  "medians over these placements of medians over rounds in turns; the ratio of ns is the median of the placements' own.",
];

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
  /** Copies of the code in what is timed, in each placement. */
  readonly copies: readonly number[];
  /** Puts a loaded program into the state that is measured. */
  readonly prepare?: (program: LoadedProgram) => void;
  /** Not part of the means over the programs as they are compiled. */
  readonly specialised?: boolean;
}

/** As it is loaded: made for its settings, where it is to be, from a template if there is one for them. */
function programOf({ image, program: name, options = {} }: Candidate): ProgramImage {
  const found = image.programs.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the object has no program ${name}`);
  const { settings, templates, specialise: wanted } = options;
  if (!(settings instanceof Uint8Array) || wanted === false) return found;
  const template = templates?.find((each) => each.program.name === name && fits(each, settings));
  return template ? fillTemplate(template, settings) : specialise(found, settings);
}

/** What the kernel says of one copy. */
function sizes(candidate: Candidate): Omit<Figures, 'ns' | 'ns with call'> {
  let statistics: VerifierStatistics | undefined;
  const onStatistics = (told: VerifierStatistics): void => {
    statistics = told;
  };
  const program = loadProgram(candidate.image, candidate.program, { ...candidate.options, onStatistics });
  try {
    const { translatedBytes, jitedBytes } = programInfo(program.fd);
    return {
      instructions: programOf(candidate).code.length / SLOT_BYTES,
      xlated: translatedBytes,
      jited: jitedBytes,
      processed: statistics?.processedInstructions ?? Number.NaN,
    };
  } finally {
    program.close();
  }
}

function loadCopies(candidate: Candidate, copies: number): LoadedProgram {
  const program = repeated(programOf(candidate), copies);
  const image = { ...candidate.image, programs: [program] };
  return loadProgram(image, candidate.program, { ...candidate.options, specialise: false });
}

interface Times {
  /** Nanoseconds of one copy over the empty program's. */
  readonly natra: number;
  readonly clang: number;
  /** Natra's over clang's. */
  readonly ratio: number;
  /** Nanoseconds of one call of an empty program. */
  readonly call: number;
}

const medians = (all: readonly Times[]): Times => ({
  natra: median(all.map(({ natra }) => natra)),
  clang: median(all.map(({ clang }) => clang)),
  ratio: median(all.map(({ ratio }) => ratio)),
  call: median(all.map(({ call }) => call)),
});

/** Both sides where this loading happens to place them: medians over rounds in turns. */
function timePlacement({ natra, clang, frame, prepare }: Comparison, copies: number): Times {
  const none = { image: emptyObject(), program: 'empty' };
  const candidates = [loadCopies(none, 1), loadCopies(none, copies)];
  try {
    candidates.push(loadCopies(natra, copies), loadCopies(clang, copies));
    const repeat = Math.ceil(RUNS / copies);
    const rounds: Times[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const [call = 0, empty = 0, ours = 0, theirs = 0] = candidates.map((program, index) => {
        if (index > 1) prepare?.(program);
        return processorTime(program.fd, frame, repeat);
      });
      const [natra, clang] = [(ours - empty) / copies, (theirs - empty) / copies];
      if (round > 0) rounds.push({ call, natra, clang, ratio: natra / clang });
    }
    return medians(rounds);
  } finally {
    for (const program of candidates) program.close();
  }
}

const time = (comparison: Comparison): Times =>
  medians(comparison.copies.map((copies) => timePlacement(comparison, copies)));

interface Result {
  readonly name: string;
  readonly specialised: boolean;
  readonly natra: Figures;
  readonly clang: Figures;
  /** Natra over clang. */
  readonly ratios: Figures;
}

const figures = (of: (metric: Metric) => number): Figures =>
  Object.fromEntries(METRICS.map((metric) => [metric, of(metric)])) as Record<Metric, number>;

const hundredths = (value: number): number => Math.round(value * 100) / 100;

function compare(comparison: Comparison): Result {
  const times = time(comparison);
  const side = (which: 'natra' | 'clang'): Figures => ({
    ...sizes(comparison[which]),
    ns: hundredths(times[which]),
    'ns with call': hundredths(times[which] + times.call),
  });
  const [natra, clang] = [side('natra'), side('clang')];
  return {
    name: comparison.name,
    specialised: comparison.specialised === true,
    natra,
    clang,
    ratios: figures((metric) => (metric === 'ns' ? times.ratio : natra[metric] / clang[metric])),
  };
}

/** The dataplane on a mouse's packet, as compiled and made for its settings. */
function dataplane(): Comparison[] {
  const file = path.join(import.meta.dirname, '../../programs/limit.ts');
  const image = compiledObject(file);
  // As the build makes them.
  const templates = templatesOf(image, (known) => compiledObject(file, known));
  const twin = compileC(path.join(import.meta.dirname, '../dataplane/twin.c'), 'ingress');
  const row = ROWS[0];
  if (twin === undefined || row === undefined) return [];
  const settings = settingsOf(row, image);
  const plain = { settings, specialise: false };
  const common = {
    frame: row.frame,
    copies: Array.from({ length: PLACEMENTS }, () => 1),
    clang: { image: twin.object, program: 'ingress', options: plain },
    prepare: (program: LoadedProgram) => prepare(row, image, program),
  };
  return [
    { ...common, name: 'dataplane', natra: { image, program: 'limit', options: plain } },
    {
      ...common,
      name: `dataplane${MADE}`,
      natra: { image, program: 'limit', options: { settings, templates } },
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
    const common = {
      frame,
      copies: Array.from({ length: PLACEMENTS }, (_, index) => FEWEST_COPIES + index),
      clang,
    };
    return [
      { ...common, name, natra: { ...natra, ...(plain && { options: plain }) } },
      ...(contents === undefined
        ? []
        : [
            {
              ...common,
              name: name + MADE,
              natra: { ...natra, options: { settings: contents } },
              specialised: true,
            },
          ]),
    ];
  });
}

/** Geometric mean. */
function mean(results: readonly Result[], metric: Metric): number {
  const logarithms = results.map(({ ratios }) => Math.log(ratios[metric]));
  return Math.exp(logarithms.reduce((sum, each) => sum + each, 0) / logarithms.length);
}

const meansOf = (results: readonly Result[]): Figures => figures((metric) => mean(results, metric));

function print(results: readonly Result[], means: Readonly<Record<string, Figures>>): void {
  const line = (name: string, cells: readonly string[]): void => {
    process.stdout.write(`${name.padEnd(25)}${cells.map((cell) => cell.padStart(21)).join('')}\n`);
  };
  for (const words of LEGEND) process.stdout.write(`${words}\n`);
  line('program', METRICS);
  for (const { name, natra, clang, ratios } of results) {
    const cells = METRICS.map(
      (metric) => `${natra[metric]} / ${clang[metric]} (${ratios[metric].toFixed(2)})`,
    );
    line(name, cells);
  }
  for (const [name, mean] of Object.entries(means))
    line(
      name,
      METRICS.map((metric) => mean[metric].toFixed(3)),
    );
}

function main(): void {
  const { json } = optionsOf(helpOf('codegen'), { json: { type: 'boolean' } });
  const results = [...dataplane(), ...small()].map(compare);
  const names = new Set(results.map(({ name }) => name));
  const means = {
    'geometric mean': meansOf(results.filter(({ specialised }) => !specialised)),
    'mean, specialised': meansOf(results.filter(({ specialised }) => specialised)),
    'mean, as compiled': meansOf(results.filter(({ name }) => names.has(name + MADE))),
  };
  if (json) process.stdout.write(`${JSON.stringify({ results, means })}\n`);
  else print(results, means);
}

main();
