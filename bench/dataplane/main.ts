/**
 * `npm run bench -- dataplane [--json]`: nanoseconds a packet over an empty program, natra's bytecode as it is and made
 * for its settings beside the same logic in C through clang -O2 (twin.c), by BPF_PROG_TEST_RUN in turns within one run.
 */
import path from 'node:path';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import { compileC } from '../clang.ts';
import { compiledObject, emptyObject, median } from '../measure.ts';
import { prepare, ROWS, type Row, settingsOf } from './rows.ts';

const ROUNDS = 15;
const REPEAT = 100_000;

const SIDES = ['empty', 'natra', 'specialised', 'clang'] as const;
type SideName = (typeof SIDES)[number];

interface Side {
  readonly name: SideName;
  readonly load: (rodata: Uint8Array) => LoadedProgram;
}

/** Median ns a packet of each side, measured in turns. */
function measureRow(row: Row, sides: readonly Side[], natra: ObjectImage): Map<SideName, number> {
  const rodata = settingsOf(row, natra);
  const loaded = sides.map((side) => ({ side, program: side.load(rodata), samples: [] as number[] }));
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { program, samples } of loaded) {
        prepare(row, natra, program);
        const { durationNanoseconds } = testRun(program.fd, { data: row.frame, repeat: REPEAT });
        if (round > 0) samples.push(durationNanoseconds);
      }
    }
    return new Map(loaded.map(({ side, samples }) => [side.name, median(samples)]));
  } finally {
    for (const { program } of loaded) program.close();
  }
}

const ratio = (own: number | undefined, other: number | undefined): string =>
  own === undefined || other === undefined ? '-' : (own / other).toFixed(2);

function main(): void {
  const natra = compiledObject(path.join(import.meta.dirname, '../../programs/ingress.ts'));
  const twin = compileC(path.join(import.meta.dirname, 'twin.c'), 'ingress');
  const empty = emptyObject();
  const plain = { specialise: false };
  const sides: Side[] = [
    { name: 'empty', load: () => loadProgram(empty, 'empty') },
    { name: 'natra', load: (settings) => loadProgram(natra, 'ingress', { settings, ...plain }) },
    { name: 'specialised', load: (settings) => loadProgram(natra, 'ingress', { settings }) },
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
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ compiler: twin?.compiler, rows })}\n`);
    return;
  }
  process.stdout.write(`ns a packet over an empty program, median of ${ROUNDS} runs of ${REPEAT} packets\n`);
  const line = (name: string, ...cells: readonly string[]): void => {
    process.stdout.write(`${name.padEnd(26)}${cells.map((cell) => cell.padStart(12)).join('')}\n`);
  };
  line('packet', 'natra', 'specialised', twin?.compiler ?? 'clang', 'ratio', 'ratio');
  for (const { row, natra: own, specialised, clang } of rows) {
    const cells = [own, specialised, clang].map((cell) => String(cell ?? '-'));
    line(row, ...cells, ratio(own, clang), ratio(specialised, clang));
  }
}

main();
