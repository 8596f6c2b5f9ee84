/**
 * `npm run bench -- dataplane [--json]`: nanoseconds a packet over an empty program, natra's bytecode as it is and made
 * for its settings, as ADD does it, beside the same logic in C through clang -O2 (twin.c), by BPF_PROG_TEST_RUN in turns within one run. The time
 * is this process's own on the processor, finer than the kernel's whole nanoseconds and blind to what else runs.
 */
import path from 'node:path';
import { templatesOf } from '../../cni/dataplane/prepare.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import { compileC } from '../clang.ts';
import { compiledObject, emptyObject, median, processorTime } from '../measure.ts';
import { loadInFront } from './many-flows.ts';
import { prepare, ROWS, type Row, settingsOf, shareOf } from './rows.ts';
import { measureThroughput } from './throughput.ts';

const ROUNDS = 15;
const REPEAT = 100_000;
/** Of a row's packets, to meet its verdict; the ramp marks all but one in 30,000. */
const LEAST_SHARE = 0.999;

const SIDES = ['empty', 'natra', 'specialised', 'clang'] as const;
type SideName = (typeof SIDES)[number];

interface Side {
  readonly name: SideName;
  readonly load: (rodata: Uint8Array) => LoadedProgram;
}

/** Median ns a packet of each side, measured in turns. Throws when a side takes another path than the row is about. */
function measureRow(row: Row, sides: readonly Side[], natra: ObjectImage): Map<SideName, number> {
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
      for (const { program, entry, samples } of loaded) {
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
    return new Map(loaded.map(({ name, samples }) => [name, median(samples)]));
  } finally {
    for (const program of opened.reverse()) program.close();
  }
}

const ratio = (own: number | undefined, other: number | undefined): string =>
  own === undefined || other === undefined ? '-' : (own / other).toFixed(2);

async function main(): Promise<void> {
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
  const rows = ROWS.map((row) => {
    const medians = measureRow(row, sides, natra);
    const over = (side: SideName): number | undefined => {
      const own = medians.get(side);
      return own === undefined ? undefined : own - (medians.get('empty') ?? 0);
    };
    const [none, ...others] = SIDES;
    return {
      row: row.name,
      empty: medians.get(none),
      ...(Object.fromEntries(others.map((side) => [side, over(side)])) as Partial<Record<SideName, number>>),
    };
  });
  const throughput = await measureThroughput(natra, templates);
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ compiler: twin?.compiler, rows, throughput })}\n`);
    return;
  }
  process.stdout.write(`ns a packet over an empty program, median of ${ROUNDS} runs of ${REPEAT} packets\n`);
  const line = (name: string, ...cells: readonly string[]): void => {
    process.stdout.write(`${name.padEnd(26)}${cells.map((cell) => cell.padStart(12)).join('')}\n`);
  };
  line('packet', 'natra', 'specialised', twin?.compiler ?? 'clang', 'ratio', 'ratio');
  for (const { row, natra: own, specialised, clang } of rows) {
    const cells = [own, specialised, clang].map((cell) => cell?.toFixed(1) ?? '-');
    line(row, ...cells, ratio(own, clang), ratio(specialised, clang));
  }
  const gigabits = (bits: number): string => `${(bits / 1e9).toFixed(2)} Gbit/s`;
  const [low, high] = throughput.middle.map((each) => each.toFixed(3));
  process.stdout.write(
    `one TCP stream over veth: ${gigabits(throughput.without)} without a program, ${gigabits(throughput.natra)} with one that never limits it (${throughput.ratio.toFixed(3)}; half of the rounds ${low} to ${high})\n`,
  );
}

await main();
