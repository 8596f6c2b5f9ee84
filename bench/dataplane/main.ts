/**
 * `npm run bench -- dataplane [--json]`: nanoseconds a packet over an empty program, natra's bytecode as it is and made
 * for its settings, as ADD does it, beside the same logic in C through clang -O2 (twin.c), by BPF_PROG_TEST_RUN in turns
 * within one run, every second round in the opposite order. The time is this process's own on the processor, finer than the
 * kernel's whole nanoseconds and blind to what else runs. A ratio is the median of the rounds' own: what slows the machine
 * slows both sides of a round. All is loaded anew several times, since where code lies in memory counts, too.
 */
import path from 'node:path';
import { templatesOf } from '../../cni/dataplane/prepare.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import { compileC } from '../clang.ts';
import { compiledObject, emptyObject, median, processorTime } from '../measure.ts';
import { helpOf, optionsOf } from '../options.ts';
import { loadInFront } from './many-flows.ts';
import { prepare, ROWS, type Row, settingsOf, shareOf } from './rows.ts';
import { measureThroughput } from './throughput.ts';

const PLACEMENTS = 7;
/** In each placement. */
const ROUNDS = 5;
const REPEAT = 100_000;
/** Of a row's packets, to meet its verdict; the ramp marks all but one in 30,000. */
const LEAST_SHARE = 0.999;

const SIDES = ['empty', 'natra', 'specialised', 'clang'] as const;
type SideName = (typeof SIDES)[number];

interface Side {
  readonly name: SideName;
  readonly load: (rodata: Uint8Array) => LoadedProgram;
}

type Samples = ReadonlyMap<SideName, readonly number[]>;

/** By side the ns a packet of each round. Throws when a side takes another path than the row is about. */
function measurePlacement(row: Row, sides: readonly Side[], natra: ObjectImage): Samples {
  const rodata = settingsOf(row, natra);
  const opened: LoadedProgram[] = [];
  const open = (program: LoadedProgram): LoadedProgram => {
    opened.push(program);
    return program;
  };
  try {
    const loaded = sides.map(({ name, load }) => {
      const program = open(load(rodata));
      const entry = row.flows === undefined ? program : open(loadInFront(program, row.flows));
      return { name, program, entry, samples: [] as number[] };
    });
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { program, entry, samples } of round % 2 === 0 ? loaded : loaded.toReversed()) {
        prepare(row, natra, program);
        const nanoseconds = processorTime(entry.fd, row.frame, REPEAT);
        if (round > 0) samples.push(nanoseconds);
      }
    }
    for (const { name, program } of loaded) {
      const share = name === 'empty' ? 1 : shareOf(row.verdict, program);
      if (!(share > LEAST_SHARE))
        throw new Error(
          `bench: ${row.name}: ${row.verdict} was the verdict of ${name} on ${share} of the packets`,
        );
    }
    return new Map(loaded.map(({ name, samples }) => [name, samples]));
  } finally {
    for (const program of opened.reverse()) program.close();
  }
}

/** The rounds of all placements, by side. */
function measureRow(row: Row, sides: readonly Side[], natra: ObjectImage): Samples {
  const placements = Array.from({ length: PLACEMENTS }, () => measurePlacement(row, sides, natra));
  return new Map(sides.map(({ name }) => [name, placements.flatMap((each) => each.get(name) ?? [])]));
}

/** What each side takes over the empty program, and how that compares with the twin's. */
interface Figures {
  readonly row: string;
  /** ns a packet, here and in `over`. */
  readonly empty: number;
  readonly over: Readonly<Partial<Record<SideName, number>>>;
  readonly ratios: Readonly<Partial<Record<SideName, number>>>;
}

/** What `of` makes of the figures of two sides in each round. */
const byRound = (
  own: readonly number[],
  other: readonly number[],
  of: (own: number, other: number) => number,
): number[] => own.map((each, round) => of(each, other[round] ?? Number.NaN));

function figuresOf(row: string, measured: Samples): Figures {
  const empty = measured.get('empty') ?? [];
  const over = [...measured].flatMap(([side, samples]) =>
    side === 'empty' ? [] : [[side, byRound(samples, empty, (own, none) => own - none)] as const],
  );
  const twin = over.find(([side]) => side === 'clang')?.[1];
  const ratios = over.flatMap(([side, samples]) =>
    twin === undefined || side === 'clang'
      ? []
      : [[side, median(byRound(samples, twin, (own, clang) => own / clang))]],
  );
  return {
    row,
    empty: median(empty),
    over: Object.fromEntries(over.map(([side, samples]) => [side, median(samples)])),
    ratios: Object.fromEntries(ratios),
  };
}

async function main(): Promise<void> {
  const { json } = optionsOf(helpOf('dataplane'), { json: { type: 'boolean' } });
  const file = path.join(import.meta.dirname, '../../programs/limit.ts');
  const natra = compiledObject(file);
  // As the build makes them.
  const templates = templatesOf(natra, (known) => compiledObject(file, known));
  const twin = compileC(path.join(import.meta.dirname, 'twin.c'), 'ingress');
  const empty = emptyObject();
  const plain = { specialise: false };
  const sides: Side[] = [
    { name: 'empty', load: () => loadProgram(empty, 'empty') },
    { name: 'natra', load: (settings) => loadProgram(natra, 'limit', { settings, ...plain }) },
    { name: 'specialised', load: (settings) => loadProgram(natra, 'limit', { settings, templates }) },
  ];
  if (twin !== undefined)
    sides.push({
      name: 'clang',
      load: (settings) => loadProgram(twin.object, 'ingress', { settings, ...plain }),
    });
  const rows = ROWS.map((row) => figuresOf(row.name, measureRow(row, sides, natra)));
  const throughput = await measureThroughput(natra, templates);
  if (json) {
    const flat = rows.map(({ over, ...rest }) => ({ ...rest, ...over }));
    process.stdout.write(`${JSON.stringify({ compiler: twin?.compiler, rows: flat, throughput })}\n`);
    return;
  }
  process.stdout.write(
    `ns a packet over an empty program, median of ${PLACEMENTS * ROUNDS} runs of ${REPEAT} packets, all loaded anew every ${ROUNDS}; ratios: the median of the runs' own\n`,
  );
  const line = (name: string, ...cells: readonly string[]): void => {
    process.stdout.write(`${name.padEnd(26)}${cells.map((cell) => cell.padStart(12)).join('')}\n`);
  };
  line('packet', 'natra', 'specialised', twin?.compiler ?? 'clang', 'ratio', 'ratio');
  for (const { row, over, ratios } of rows) {
    const cells = [over.natra, over.specialised, over.clang].map((cell) => cell?.toFixed(1) ?? '-');
    line(row, ...cells, ...[ratios.natra, ratios.specialised].map((ratio) => ratio?.toFixed(2) ?? '-'));
  }
  const gigabits = (bits: number): string => `${(bits / 1e9).toFixed(2)} Gbit/s`;
  const [low, high] = throughput.middle.map((each) => each.toFixed(3));
  process.stdout.write(
    `one TCP stream over veth: ${gigabits(throughput.without)} without a program, ${gigabits(throughput.natra)} with one that never limits it (${throughput.ratio.toFixed(3)}; half of the rounds ${low} to ${high})\n`,
  );
}

await main();
